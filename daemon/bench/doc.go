// Package bench measures the promise that a door does not wait: from the last
// byte of a scan to the first byte of the unlock frame, start, memory and idle
// load of the real program, each beside a bare reference in the same run. It
// has no code but its benchmarks; `make bench` prints the tables.
package bench
