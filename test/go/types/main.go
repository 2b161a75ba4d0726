// Command types prints how Go's database/sql shows statements of one column and one row: a JSON list of texts. Its
// arguments are the URI, whether to request extension types, and the statements.
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"

	_ "github.com/apache/arrow-adbc/go/adbc/sqldriver/flightsql"
)

// decimal is a value of 128 or 256 bits; its column has the scale.
type decimal interface{ ToString(scale int32) string }

func shown(db *sql.DB, statement string) (text string) {
	defer func() {
		if fault := recover(); fault != nil {
			text = fmt.Sprint("error: ", fault)
		}
	}()
	rows, err := db.Query(statement)
	if err != nil {
		return "error: " + err.Error()
	}
	defer rows.Close()
	if !rows.Next() {
		return fmt.Sprint("error: ", rows.Err())
	}
	var value any
	if err := rows.Scan(&value); err != nil {
		return "error: " + err.Error()
	}
	switch shown := value.(type) {
	case []byte:
		return fmt.Sprintf("%x (%T)", shown, value)
	case decimal:
		types, err := rows.ColumnTypes()
		if err != nil {
			return "error: " + err.Error()
		}
		_, scale, _ := types[0].DecimalSize()
		return fmt.Sprintf("%s (%T)", shown.ToString(int32(scale)), value)
	}
	return fmt.Sprintf("%v (%T)", value, value)
}

func main() {
	dsn := fmt.Sprintf("uri=%s; adbc.flight.sql.rpc.call_header.x-flightgate-lossless-types=%s", os.Args[1], os.Args[2])
	db, err := sql.Open("flightsql", dsn)
	if err != nil {
		panic(err)
	}
	defer db.Close()
	var answers []string
	for _, statement := range os.Args[3:] {
		answers = append(answers, shown(db, statement))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}
