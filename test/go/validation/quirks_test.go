package validation

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/apache/arrow-adbc/go/adbc"
	driver "github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// quirks describe to ADBC's suite a gateway in front of one writable DuckDB.
type quirks struct {
	mem *memory.CheckedAllocator
}

func (q *quirks) SetupDriver(*testing.T) adbc.Driver {
	q.mem = memory.NewCheckedAllocator(memory.DefaultAllocator)
	return driver.NewDriver(q.mem)
}

func (q *quirks) TearDownDriver(t *testing.T, _ adbc.Driver) { q.mem.AssertSize(t, 0) }

func (q *quirks) DatabaseOptions() map[string]string {
	return map[string]string{
		adbc.OptionKeyURI:      os.Getenv("FLIGHTGATE_URI"),
		adbc.OptionKeyUsername: os.Getenv("FLIGHTGATE_USER"),
		adbc.OptionKeyPassword: os.Getenv("FLIGHTGATE_KEY"),
	}
}

func (q *quirks) BindParameter(int) string                    { return "?" }
func (q *quirks) SupportsBulkIngest(string) bool              { return true }
func (q *quirks) SupportsConcurrentStatements() bool          { return true }
func (q *quirks) SupportsCurrentCatalogSchema() bool          { return true }
func (q *quirks) SupportsGetSetOptions() bool                 { return true }
func (q *quirks) SupportsExecuteSchema() bool                 { return true }
func (q *quirks) SupportsPartitionedData() bool               { return true }
func (q *quirks) SupportsStatistics() bool                    { return false }
func (q *quirks) SupportsTransactions() bool                  { return true }
func (q *quirks) SupportsGetParameterSchema() bool            { return true }
func (q *quirks) SupportsDynamicParameterBinding() bool       { return true }
func (q *quirks) SupportsErrorIngestIncompatibleSchema() bool { return true }
func (q *quirks) Alloc() memory.Allocator                     { return q.mem }
func (q *quirks) Catalog() string                             { return "demo" }
func (q *quirks) DBSchema() string                            { return "main" }

func (q *quirks) GetMetadata(code adbc.InfoCode) any {
	switch code {
	case adbc.InfoDriverName:
		return "ADBC Flight SQL Driver - Go"
	case adbc.InfoDriverVersion, adbc.InfoDriverArrowVersion:
		return "(unknown or development build)"
	case adbc.InfoDriverADBCVersion:
		return adbc.AdbcVersion1_1_0
	case adbc.InfoVendorName:
		return "flightgate"
	case adbc.InfoVendorVersion:
		return os.Getenv("FLIGHTGATE_VERSION")
	case adbc.InfoVendorArrowVersion:
		return "1.5.0"
	}
	return nil
}

// open opens a separate connection; it returns the connection and a function that closes it.
func (q *quirks) open() (adbc.Connection, func() error, error) {
	database, err := driver.NewDriver(memory.DefaultAllocator).NewDatabase(q.DatabaseOptions())
	if err != nil {
		return nil, nil, err
	}
	connection, err := database.Open(context.Background())
	if err != nil {
		return nil, nil, errors.Join(err, database.Close())
	}
	return connection, func() error { return errors.Join(connection.Close(), database.Close()) }, nil
}

func (q *quirks) CreateSampleTable(table string, rows arrow.RecordBatch) (err error) {
	connection, closeAll, err := q.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	statement, err := connection.NewStatement()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	reader, err := array.NewRecordReader(rows.Schema(), []arrow.RecordBatch{rows})
	if err != nil {
		return err
	}
	defer reader.Release()
	if err := statement.SetOption(adbc.OptionKeyIngestTargetTable, table); err != nil {
		return err
	}
	// An earlier run against the same gateway may have left it.
	if err := statement.SetOption(adbc.OptionKeyIngestMode, adbc.OptionValueIngestModeReplace); err != nil {
		return err
	}
	if err := statement.BindStream(context.Background(), reader); err != nil {
		return err
	}
	_, err = statement.ExecuteUpdate(context.Background())
	return err
}

func (q *quirks) SampleTableSchemaMetadata(table string, kind arrow.DataType) arrow.Metadata {
	facts := map[string]string{
		flightsql.CatalogNameKey:     q.Catalog(),
		flightsql.SchemaNameKey:      q.DBSchema(),
		flightsql.TableNameKey:       table,
		flightsql.IsAutoIncrementKey: "0",
		flightsql.IsCaseSensitiveKey: "0",
		flightsql.IsReadOnlyKey:      "0",
		flightsql.IsSearchableKey:    "1",
		// The specification's name of the key that arrow-go calls SCHEMA_NAME.
		"ARROW:FLIGHT:SQL:DB_SCHEMA_NAME": q.DBSchema(),
	}
	switch kind.ID() {
	case arrow.STRING:
		facts[flightsql.TypeNameKey] = "VARCHAR"
		facts[flightsql.IsCaseSensitiveKey] = "1"
	case arrow.INT64:
		facts[flightsql.TypeNameKey], facts[flightsql.PrecisionKey], facts[flightsql.ScaleKey] = "BIGINT", "19", "0"
	case arrow.INT32:
		facts[flightsql.TypeNameKey], facts[flightsql.PrecisionKey], facts[flightsql.ScaleKey] = "INTEGER", "10", "0"
	}
	return arrow.MetadataFrom(facts)
}

func (q *quirks) DropTable(connection adbc.Connection, table string) (err error) {
	statement, err := connection.NewStatement()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	if err := statement.SetSqlQuery("DROP TABLE IF EXISTS " + table); err != nil {
		return err
	}
	_, err = statement.ExecuteUpdate(context.Background())
	return err
}
