// Package commission walks a person along a cabinet: it finds the boards, opens
// door after door, asks which one moved, and leaves a configuration file and a
// report behind. What is concluded from the walk is the business of
// daemon/commission; here are the ports, the person and the files.
//
// Locks are moved one at a time, by pulses that their board times. The next
// pulse begins when the last is over. Whatever ends the walk, an interrupt too,
// brings the boards to rest and releases their ports. After each door the state
// is on disk, so the same call goes on where the last one ended.
package commission
