// Package outbox turns the journal into batches and keeps what the backend has
// not acknowledged on its way (contract 6.4).
package outbox
