// Package outbox turns the journal into batches and keeps what the backend has
// not acknowledged on its way (contract 6.4).
//
// The promise is at least once, in order: every event that the journal keeps is
// sent, ascending by seq without holes, again and again until the backend's
// signed acknowledgement covers it. Neither a written packet nor a broker's
// PUBACK is delivery. The outbox stores nothing: it reads the journal from the
// first event after the last acknowledged one, at most Window batches ahead, so
// its memory is bounded by the window however long the backlog.
//
// A journal.gap line covers its whole run. What the journal has let go
// acknowledged, and a backend restored to an older state asks for again, is a
// hole that no line covers: the outbox goes on at the first line there is, and the birth's
// journal.first tells the backend why.
//
// The rules are in core, a state machine without I/O and clock. Outbox is its
// shell; it is safe for concurrent use, but one Run at a time.
package outbox
