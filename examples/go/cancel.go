package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	flightgatev1 "flightgate.dev/examples/go/flightgate/v1"
)

// cancel begins the first statement, finds it in the list of statements and cancels it by its id, as another process would do.
// To end one's own call, cancelling its context is enough.
func cancel(ctx context.Context, connection *grpc.ClientConn, texts []string) error {
	client := flightgatev1.NewGatewayServiceClient(connection)
	stream, err := client.Execute(ctx, &flightgatev1.ExecuteRequest{Statement: statements(texts)[0]})
	if err != nil {
		return err
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	running, err := client.ListQueries(ctx, &flightgatev1.ListQueriesRequest{})
	if err != nil {
		return err
	}
	for _, query := range running.GetQueries() {
		if query.GetQuery() != texts[0] {
			continue
		}
		if _, err := client.CancelQuery(ctx, &flightgatev1.CancelQueryRequest{Id: query.GetId()}); err != nil {
			return err
		}
	}
	for {
		if _, err = stream.Recv(); err != nil {
			break
		}
	}
	if status.Code(err) != codes.Canceled {
		return fmt.Errorf("the statement was not cancelled: %w", err)
	}
	fmt.Println("cancelled:", status.Convert(err).Message())
	return nil
}
