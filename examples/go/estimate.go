package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	flightgatev1 "flightgate.dev/examples/go/flightgate/v1"
)

// estimate prints what each statement would read, without running it.
func estimate(ctx context.Context, connection *grpc.ClientConn, texts []string) error {
	client := flightgatev1.NewGatewayServiceClient(connection)
	for _, statement := range statements(texts) {
		response, err := client.EstimateCost(ctx, &flightgatev1.EstimateCostRequest{Statement: statement})
		if err != nil {
			return err
		}
		estimate := response.GetEstimate()
		fmt.Printf("source %s, accuracy %s", estimate.GetDataSource(), estimate.GetAccuracy())
		// A figure that the source cannot tell is unset.
		if estimate.Bytes != nil {
			fmt.Printf(", %d bytes", estimate.GetBytes())
		}
		if estimate.Rows != nil {
			fmt.Printf(", %d rows", estimate.GetRows())
		}
		fmt.Println()
	}
	return nil
}
