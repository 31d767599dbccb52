//go:build !race

package brokertest

// Race tells that the race detector is on.
const Race = false
