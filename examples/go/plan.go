package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"

	flightgatev1 "flightgate.dev/examples/go/flightgate/v1"
)

// plan plans the statements in one call and fetches their results in parallel with Flight. Tickets are good on any replica.
func plan(ctx context.Context, connection *grpc.ClientConn, texts []string) error {
	planned, err := flightgatev1.NewGatewayServiceClient(connection).PlanBatch(ctx, &flightgatev1.PlanBatchRequest{
		Statements: statements(texts),
	})
	if err != nil {
		return err
	}
	client := flight.NewClientFromConn(connection, nil)
	lines := make([]string, len(planned.GetResults()))
	var all sync.WaitGroup
	for i, result := range planned.GetResults() {
		if failure := result.GetError(); failure != nil {
			lines[i] = fmt.Sprintf("%s: %s: %s", result.GetId(), failure.GetCode(), failure.GetMessage())
			continue
		}
		all.Go(func() {
			rows, err := fetch(ctx, client, result.GetTicket().GetTicket())
			lines[i] = fmt.Sprintf("%s: %d rows", result.GetId(), rows)
			if err != nil {
				lines[i] = fmt.Sprintf("%s: %s", result.GetId(), err)
			}
		})
	}
	all.Wait()
	for _, line := range lines {
		fmt.Println(line)
	}
	return nil
}

func fetch(ctx context.Context, client flight.Client, ticket []byte) (int64, error) {
	stream, err := client.DoGet(ctx, &flight.Ticket{Ticket: ticket})
	if err != nil {
		return 0, err
	}
	reader, err := flight.NewRecordReader(stream)
	if err != nil {
		return 0, err
	}
	defer reader.Release()
	rows := int64(0)
	for reader.Next() {
		rows += reader.RecordBatch().NumRows()
	}
	return rows, reader.Err()
}
