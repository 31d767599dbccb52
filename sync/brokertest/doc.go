// Package brokertest starts brokers for tests, and puts bad links in front of
// them: a real mosquitto as a process of its own, mochi inside the test, and a
// TCP proxy that delays, swallows, cuts, resets. Package natstest beside it
// starts a NATS cluster; it is apart so that not every test compiles it.
//
// Everything listens on 127.0.0.1, writes below t.TempDir and ends with the
// test. Nothing of it is linked into lockerd; a test of this package holds that.
package brokertest
