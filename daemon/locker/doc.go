// Package locker is the vocabulary of a locker bank: doors, codes, items,
// events, reasons, and the commit that makes one step of the bank durable.
//
// Every other package may import it and it imports only the standard library.
// It holds values and their text forms, no behaviour that needs a clock, a
// file or a lock. All values are safe to copy; none is safe for concurrent
// mutation.
package locker
