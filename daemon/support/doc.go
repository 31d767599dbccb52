// Package support gathers what somebody far away needs to see what is wrong
// with a bank, and makes a bundle of it: configuration without secrets, state,
// health, the newest events, what went over the buses' lines, the kernel's log
// and lockerd's. It asks a running bank through the interface of its control
// socket; of one that does not run it takes what lies on the disk.
//
// Nothing here writes, moves a door or waits long: every question has a
// deadline, and what is not answered by then is missing, with the reason in
// about.json. What stands in the configuration and may not leave the bank, and
// what has the form of a code, is taken out of every part. Where the configuration is
// no TOML nobody can tell its secrets: then lockerd's log, which may quote it, is missing.
//
//	about.json       About: what is in it, and what is missing and why
//	config.toml      bundle.Redact of the file
//	check.txt        what lockerd check finds wrong with it; only if lockerd was not asked
//	status.json doors.json stock.json clock.json update.json self-test.json
//	health.json      Health: findings, and what the machine tells
//	journal.jsonl    the newest events, byte for byte
//	trace-BUS.jsonl  frames on a bus's line, as lockerctl bus trace --json
//	files.txt        names, sizes and times in data_dir
//	machine.txt      kernel, memory, load, space
//	kernel.log lockerd.log
package support
