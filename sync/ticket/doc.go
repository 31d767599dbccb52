// Package ticket reads and makes tickets: codes that need no cache (contract 5.5).
package ticket
