package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"

	flightgatev1 "flightgate.dev/examples/go/flightgate/v1"
)

// batch runs the statements side by side and prints how each of them ended. It keeps the results in memory; a reader of large
// results gives each statement a pipe instead.
func batch(ctx context.Context, connection *grpc.ClientConn, texts []string) error {
	responses, err := flightgatev1.NewGatewayServiceClient(connection).ExecuteBatch(ctx, &flightgatev1.ExecuteBatchRequest{
		Statements: statements(texts),
		Options:    &flightgatev1.BatchOptions{MaxConcurrency: 5, TimeoutMs: 30_000},
	})
	if err != nil {
		return err
	}
	results := map[string]*bytes.Buffer{}
	for {
		response, err := responses.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		id := response.GetId()
		if results[id] == nil {
			results[id] = &bytes.Buffer{}
		}
		switch part := response.GetPart().(type) {
		case *flightgatev1.ExecuteBatchResponse_Schema:
			results[id].Write(part.Schema)
		case *flightgatev1.ExecuteBatchResponse_DictionaryBatch:
			results[id].Write(part.DictionaryBatch)
		case *flightgatev1.ExecuteBatchResponse_RecordBatch:
			results[id].Write(part.RecordBatch)
		case *flightgatev1.ExecuteBatchResponse_Result:
			if err := printResult(id, part.Result, results[id]); err != nil {
				return err
			}
			delete(results, id)
		case *flightgatev1.ExecuteBatchResponse_Summary:
			summary := part.Summary
			fmt.Printf("%d statements, %d succeeded, %d failed\n",
				summary.GetStatements(), summary.GetSucceeded(), summary.GetFailed())
		}
	}
}

func printResult(id string, result *flightgatev1.StatementResult, stream io.Reader) error {
	if failure := result.GetError(); failure != nil {
		fmt.Printf("%s: %s %s: %s\n", id, result.GetStatus(), failure.GetCode(), failure.GetMessage())
		return nil
	}
	reader, err := ipc.NewReader(stream)
	if err != nil {
		return err
	}
	defer reader.Release()
	rows := int64(0)
	for reader.Next() {
		rows += reader.RecordBatch().NumRows()
	}
	fmt.Printf("%s: %s, %d rows\n", id, result.GetStatus(), rows)
	return reader.Err()
}
