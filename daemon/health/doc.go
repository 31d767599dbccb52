// Package health judges how a bank wears: doors that open slower or need more
// pulses than they used to, buses that make errors, scanners that have gone
// quiet, storage near its end, heat, and a supply that sags.
//
// It is pure: History is made of journal events, Machine is read from a file
// system that stands for /sys, the time is an argument. Judge tells what is
// wrong now, in the order in which it should be seen to; Monitor turns what it
// tells again and again into what has begun and what is over. Every threshold
// is a named constant with its reason beside it; none has been tuned on a real
// bank.
package health
