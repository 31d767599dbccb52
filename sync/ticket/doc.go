// Package ticket reads and makes tickets: codes that need no cache (contract 5.5).
//
// A ticket is a COSE_Sign1 written as one decimal number. Open takes one form
// only: whatever does not come out the same when it is encoded again is malformed,
// so that a ticket has exactly one text. The form is judged before the signature,
// the signature before the bank; time, use and revocation are not judged here.
// Work is bounded by the length of a scan, 1024 digits. No error quotes a ticket.
package ticket
