// Command gateway calls the Gateway service of flightgate:
//
//	gateway [-address host:port] [-key key] estimate|execute|batch|plan|cancel SQL...
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	flightgatev1 "flightgate.dev/examples/go/flightgate/v1"
)

var commands = map[string]func(context.Context, *grpc.ClientConn, []string) error{
	"estimate": estimate,
	"execute":  execute,
	"batch":    batch,
	"plan":     plan,
	"cancel":   cancel,
}

func main() {
	address := flag.String("address", "127.0.0.1:32010", "host:port of the gateway")
	key := flag.String("key", "", "API key")
	timeout := flag.Duration("timeout", time.Minute, "deadline of the whole command")
	flag.Parse()
	if err := run(*address, *key, *timeout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address, key string, timeout time.Duration, args []string) error {
	if len(args) < 2 || commands[args[0]] == nil {
		return fmt.Errorf("usage: gateway [-address host:port] [-key key] estimate|execute|batch|plan|cancel SQL...")
	}
	// With TLS, use credentials.NewTLS instead.
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	// A deadline and cancelling the context end the statement at its engine.
	ctx, stop := context.WithTimeout(context.Background(), timeout)
	defer stop()
	if key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	}
	return commands[args[0]](ctx, connection, args[1:])
}

// statements makes a statement of each SQL text. Without an id, the position of a statement counts.
func statements(texts []string) []*flightgatev1.Statement {
	var all []*flightgatev1.Statement
	for _, sql := range texts {
		all = append(all, &flightgatev1.Statement{Text: &flightgatev1.Statement_Query{Query: sql}})
	}
	return all
}
