// Package schema writes JSON Schema (2020-12) and AsyncAPI 3 from Go types, for
// the tests of sync/wire that keep the published files current. What stands in a
// message, and what must, comes from the types as package strict reads them;
// descriptions come from the types' comments; what a type can't say (patterns,
// bounds, what goes with what) comes from Rules.
package schema
