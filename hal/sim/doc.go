// Package sim is a bank of lockers without the iron: doors with latches,
// springs and switches, boards that speak their families' bytes, and lines that
// are real ptys, so that the daemon cannot tell them from hardware.
//
// It knows the families only from what is published of them and shares no code
// with the drivers in hal/rs485: each side checks the other. It plays what goes wrong in the field as well: jammed latches, late
// doors, bouncing contacts, silent, late and garbling boards, echo, noise,
// stalled and unplugged ports, relays left on.
//
// Everything may be called from any goroutine. Time is package time's, so the
// model runs under testing/synctest wherever no pty is involved. Whatever
// happens is written to the line's Log, which tests query and wait on. A Line,
// Bank or Scanner that was closed has nothing running.
package sim
