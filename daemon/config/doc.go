// Package config reads the configuration of a bank, one TOML file, and refuses
// it whole or returns it whole.
//
// Parse and Load report every problem of a file at once, each with its key,
// line, value and cure; a Config that they return needs no further check.
// Nothing is opened but the file itself: a missing port, an unreadable key or
// password file and an absent broker are met when they are used, and are no
// problems here. What is legal but will surprise somebody is a Warning.
//
// A Config is a value: read it from as many goroutines as you like, change it
// in none. TOML writes it back as a file that parses to the same Config.
package config
