//go:build race

package brokertest

// Race tells that the race detector is on. mochi v2.7.9 races with itself when a
// retained message is replaced while a subscription reads it, which in-process
// tests that do much of both must leave out then.
const Race = true
