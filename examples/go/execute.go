package main

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"

	flightgatev1 "flightgate.dev/examples/go/flightgate/v1"
)

// resultStream reads the parts of a result as one Arrow IPC stream, as far as the reader asks for them.
type resultStream struct {
	parts   grpc.ServerStreamingClient[flightgatev1.ExecuteResponse]
	pending []byte
	summary *flightgatev1.ExecuteSummary
}

func (s *resultStream) Read(into []byte) (int, error) {
	for len(s.pending) == 0 {
		response, err := s.parts.Recv()
		if err != nil {
			return 0, err // io.EOF after the summary; a status if the statement failed
		}
		switch part := response.GetPart().(type) {
		case *flightgatev1.ExecuteResponse_Schema:
			s.pending = part.Schema
		case *flightgatev1.ExecuteResponse_DictionaryBatch:
			s.pending = part.DictionaryBatch
		case *flightgatev1.ExecuteResponse_RecordBatch:
			s.pending = part.RecordBatch
		case *flightgatev1.ExecuteResponse_Summary:
			s.summary = part.Summary
		}
	}
	n := copy(into, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

// execute prints the rows of each statement, batch by batch, and what the statement took.
func execute(ctx context.Context, connection *grpc.ClientConn, texts []string) error {
	client := flightgatev1.NewGatewayServiceClient(connection)
	for _, statement := range statements(texts) {
		parts, err := client.Execute(ctx, &flightgatev1.ExecuteRequest{Statement: statement})
		if err != nil {
			return err
		}
		stream := &resultStream{parts: parts}
		reader, err := ipc.NewReader(stream)
		if err != nil {
			return err
		}
		for reader.Next() {
			fmt.Println(reader.RecordBatch())
		}
		reader.Release()
		if err := reader.Err(); err != nil && err != io.EOF {
			return err
		}
		if stream.summary == nil {
			return fmt.Errorf("the result ended without a summary")
		}
		if stream.summary.AffectedRows != nil {
			fmt.Printf("%d changed rows\n", stream.summary.GetAffectedRows())
		}
		fmt.Printf("%d rows from %s\n", stream.summary.GetMetrics().GetRows(), stream.summary.GetMetrics().GetDataSource())
	}
	return nil
}
