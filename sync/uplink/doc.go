// Package uplink keeps a bank's MQTT session (contract 6).
//
// Run connects, stays, and connects again until its context ends; it never
// gives up and never blocks the bank. One connection is, in this order:
//
//	dial, TLS                 files and password read afresh
//	Bank.Connect              the count of this connection goes into the will
//	CONNECT, SUBSCRIBE down/+ until now nothing has been said
//	state (birth)             what comes in answer finds the subscription there
//	state/health, state/doors, state/stock, up/events, up/reply, up/get
//
// A clean stop publishes what Bank.Outgoing still holds, then the death with reason
// shutdown, and disconnects, within StopTimeout.
//
// Of the MQTT library no more is used than the packets of one connection: a
// fresh client each time, no reconnecting, no store, no replay; what it calls
// delivered is believed by nobody. A link that died without a word is found by
// the session's own watchdog over the bytes that come in, by a deadline on each
// write, and by TCP_USER_TIMEOUT. A packet from the broker beyond MaxPacket is
// not read: the connection ends.
//
// What comes down goes through a queue of InboundMessages and InboundBytes to
// one goroutine that calls Bank.Receive, and a QoS 1 message is acknowledged
// after that, so that a broker that keeps to its in-flight window can't overrun
// the queue. What does not fit is dropped, and the birth is published again
// when the queue has room: the backend answers a birth with what is missing.
// Nothing here believes a message; that is the bank's, by wire.Keys.Open.
package uplink
