package validation

import (
	"context"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/validation"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// statementTests are ADBC's, with workarounds for two defects of driver 1.12.0: after an ingestion a statement keeps the
// bound rows and refuses every later query, and an ingested record batch is never released.
type statementTests struct{ validation.StatementTests }

func (s *statementTests) SetupTest() {
	s.StatementTests.SetupTest()
	s.Cnxn = ingestConnection{s.Cnxn}
}

type ingestConnection struct{ adbc.Connection }

func (c ingestConnection) NewStatement() (adbc.Statement, error) {
	statement, err := c.Connection.NewStatement()
	if err != nil {
		return nil, err
	}
	return &ingestStatement{Statement: statement, StatementExecuteSchema: statement.(adbc.StatementExecuteSchema)}, nil
}

// ingestStatement binds rows as a stream, which the driver releases, and drops them when it gets a query.
type ingestStatement struct {
	adbc.Statement
	adbc.StatementExecuteSchema
	ingests bool
}

func (s *ingestStatement) SetOption(key, value string) error {
	s.ingests = s.ingests || key == adbc.OptionKeyIngestTargetTable
	return s.Statement.SetOption(key, value)
}

func (s *ingestStatement) Bind(ctx context.Context, rows arrow.RecordBatch) error {
	if !s.ingests {
		return s.Statement.Bind(ctx, rows)
	}
	reader, err := array.NewRecordReader(rows.Schema(), []arrow.RecordBatch{rows})
	if err != nil {
		return err
	}
	defer reader.Release()
	return s.BindStream(ctx, reader)
}

func (s *ingestStatement) SetSqlQuery(query string) error {
	if err := s.Statement.SetSqlQuery(query); err != nil || !s.ingests {
		return err
	}
	s.ingests = false
	return s.Statement.Bind(context.Background(), nil)
}
