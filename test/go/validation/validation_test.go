// Package validation runs ADBC's own validation suite against the gateway that FLIGHTGATE_URI, FLIGHTGATE_USER,
// FLIGHTGATE_KEY and FLIGHTGATE_VERSION describe.
package validation

import (
	"testing"

	"github.com/apache/arrow-adbc/go/adbc/validation"
	"github.com/stretchr/testify/suite"
)

func TestDatabase(t *testing.T)   { suite.Run(t, &validation.DatabaseTests{Quirks: &quirks{}}) }
func TestConnection(t *testing.T) { suite.Run(t, &validation.ConnectionTests{Quirks: &quirks{}}) }
func TestStatement(t *testing.T) {
	suite.Run(t, &statementTests{validation.StatementTests{Quirks: &quirks{}}})
}
