// Package commission is what is made of the walk along a cabinet: which doors
// were planned where, what every pulse moved, and from that the wiring, the
// faults with their cures, the configuration file and the report.
//
// It is pure: it speaks to no board and no person and opens no file. The same
// State always gives the same Learnt, so a walk that was broken off is taken up
// by its State alone, and a door that is tried again changes only what follows
// from it. What Configure returns has passed the checks of daemon/config.
package commission
