// Drives the full round of a prepared statement (create, info, get, close) against a Flight SQL server and prints rounds
// per second and latencies as one JSON object.
//
//	prepared -address HOST:PORT [-key API_KEY] -sql TEXT -rounds N -concurrency N -connections N
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

func main() {
	address := flag.String("address", "", "host and port of the server")
	key := flag.String("key", "", "API key, sent as x-api-key")
	sql := flag.String("sql", "SELECT 1", "the statement")
	rounds := flag.Int("rounds", 1000, "rounds in all")
	concurrency := flag.Int("concurrency", 1, "rounds at the same time")
	connections := flag.Int("connections", 1, "connections they share")
	flag.Parse()

	ctx := context.Background()
	if *key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-api-key", *key)
	}
	clients := make([]*flightsql.Client, *connections)
	for i := range clients {
		client, err := flightsql.NewClient(*address, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
		check(err)
		defer client.Close()
		clients[i] = client
	}
	var next atomic.Int64
	latencies := make([]time.Duration, *rounds)
	var group sync.WaitGroup
	startedAt := time.Now()
	for worker := range *concurrency {
		group.Add(1)
		go func() {
			defer group.Done()
			client := clients[worker%len(clients)]
			for {
				i := int(next.Add(1)) - 1
				if i >= *rounds {
					return
				}
				from := time.Now()
				check(round(ctx, client, *sql))
				latencies[i] = time.Since(from)
			}
		}()
	}
	group.Wait()
	seconds := time.Since(startedAt).Seconds()
	sort.Slice(latencies, func(a, b int) bool { return latencies[a] < latencies[b] })
	at := func(part float64) float64 {
		return latencies[int(part*float64(len(latencies)-1))].Seconds() * 1000
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"roundsPerSecond": float64(*rounds) / seconds,
		"p50Ms":           at(0.5),
		"p99Ms":           at(0.99),
	}))
}

func round(ctx context.Context, client *flightsql.Client, sql string) error {
	statement, err := client.Prepare(ctx, sql)
	if err != nil {
		return err
	}
	info, err := statement.Execute(ctx)
	if err != nil {
		return err
	}
	rows := int64(0)
	for _, endpoint := range info.Endpoint {
		reader, err := client.DoGet(ctx, endpoint.Ticket)
		if err != nil {
			return err
		}
		for reader.Next() {
			rows += reader.RecordBatch().NumRows()
		}
		err = reader.Err()
		reader.Release()
		if err != nil {
			return err
		}
	}
	if rows == 0 {
		log.Fatal("the statement has no rows")
	}
	return statement.Close(ctx)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
