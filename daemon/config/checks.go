package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata"

	"lockerd/daemon/locker"
	// A board without zoneinfo files must not refuse a good zone.
)

// Checks say what is wrong with a text and what to write instead; an empty
// first result is nothing wrong.

// plainText bounds every text of the file.
func plainText(v string) (what, cure string) {
	switch {
	case len(v) > maxText:
		return "is too long", fmt.Sprintf("use at most %d bytes", maxText)
	case strings.ContainsRune(v, 0):
		return "contains a NUL character", "remove it"
	}
	return "", ""
}

func checkBank(v string) (what, cure string) {
	if locker.ValidBank(v) {
		return "", ""
	}
	return "is no name of a bank", "use 1 to 32 of a-z, 0-9 and -, the first no dash"
}

func checkTenant(v string) (what, cure string) {
	switch {
	case v == locker.SetLocal:
		return "is kept for codes issued at the control socket", "name the tenant differently"
	case !locker.ValidTenant(v):
		return "is no name of a tenant", "use 1 to 32 of a-z, 0-9 and . _ -, the first a letter or digit"
	}
	return "", ""
}

var partName = locker.NewForm(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

// checkName is for the names of buses and scanners, which the contract leaves
// open: they go into events and onto labels.
func checkName(v string) (what, cure string) {
	if partName.MatchString(v) {
		return "", ""
	}
	return "is no name", "use 1 to 32 letters, digits and . _ -, the first a letter or digit"
}

// checkPath is for files that must be named.
func checkPath(v string) (what, cure string) {
	if v == "" {
		return "is empty", "write the full path"
	}
	return checkOptionalPath(v)
}

// checkOptionalPath is for files where the empty text means none.
func checkOptionalPath(v string) (what, cure string) {
	if strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 || r == 0x7F }) {
		return "contains control characters", "write the path as the system lists it"
	}
	return "", ""
}

func checkSocket(v string) (what, cure string) {
	if len(v) > maxSocketPath {
		return fmt.Sprintf("is %d bytes long, and a socket's path may have %d", len(v), maxSocketPath),
			"set [control] socket to a shorter path, as /run/lockerd/control.sock"
	}
	return checkPath(v)
}

func checkZone(v string) (what, cure string) {
	if v != "" && v != "Local" {
		if _, err := time.LoadLocation(v); err == nil {
			return "", ""
		}
	}
	return "is no known time zone", `use a name of the IANA database, as "Europe/London" or "UTC"`
}

func checkListen(v string) (what, cure string) {
	const example = `use host:port, as "127.0.0.1:8480"`
	host, port, err := net.SplitHostPort(v)
	if err != nil || strings.ContainsAny(host, " /") {
		return "is no address to listen on", example
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "has no port number from 0 to 65535", example
	}
	return "", ""
}

func checkDoor(v string) (what, cure string) {
	if _, err := locker.ParseDoorID(v); err != nil {
		return "is no door", fmt.Sprintf("write L-DD, locker 1-%d and door 01-%d, as 1-07", locker.MaxLockers, locker.MaxDoors)
	}
	return "", ""
}

// checkPrefix is for the topic levels above the bank's.
func checkPrefix(v string) (what, cure string) {
	const example = `use topic levels like "lockers/v1"`
	switch {
	case v == "" || len(v) > maxPrefix:
		return fmt.Sprintf("does not have 1 to %d bytes", maxPrefix), example
	case strings.ContainsAny(v, "+#") || v[0] == '$':
		return "holds a wildcard or begins with $", example
	case strings.HasPrefix(v, "/") || strings.HasSuffix(v, "/") || strings.Contains(v, "//"):
		return "has an empty topic level", example
	}
	return "", ""
}

// checkBroker is for the URL of the broker.
func checkBroker(v string) (what, cure string) {
	const example = `use mqtt://, mqtts://, ws:// or wss:// with host and port, as "mqtts://broker.example.com:8883"`
	u, err := url.Parse(v)
	switch {
	case err != nil:
		return "is no URL", example
	case u.User != nil:
		return "holds a user name or password", "put them into username and password_file"
	case u.Scheme != "mqtt" && u.Scheme != "mqtts" && u.Scheme != "ws" && u.Scheme != "wss":
		return "has a scheme that no broker is reached by", example
	case u.Hostname() == "":
		return "names no host", example
	case u.RawQuery != "" || u.Fragment != "":
		return "has a query or fragment", example
	case strings.Trim(u.Path, "/") != "" && strings.HasPrefix(u.Scheme, "mqtt"):
		return "has a path, which only ws and wss have", example
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return "has no port number from 1 to 65535", example
		}
	}
	return "", ""
}

// checkSource is for where updates come from.
func checkSource(v string) (what, cure string) {
	const example = `use "https://updates.example.com/lockerd", or a directory, as "/media/stick/lockerd"`
	if v == "" || filepath.IsAbs(v) {
		return checkOptionalPath(v)
	}
	u, err := url.Parse(v)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.RawQuery != "", u.Fragment != "":
		return "is neither an address nor a full path", example
	case u.User != nil:
		return "holds a user name or password", "serve updates without: they are signed"
	}
	return "", ""
}

// checkEndpoint is for where certificates are renewed.
func checkEndpoint(v string) (what, cure string) {
	const example = `use "https://enrol.example.com:8443", or remove the key: the operator's answer names it`
	if v == "" {
		return "", ""
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "is no address of an enrolment endpoint", example
	}
	return "", ""
}

// checkUsername is for the name the bank logs in with.
func checkUsername(v string) (what, cure string) {
	if v == "" {
		return "is empty", "remove the key: the default is the bank's name"
	}
	return checkOptionalPath(v)
}

// exampleOf returns what a key that must be there may look like.
func exampleOf(key string) string {
	examples := map[string]string{
		"version": "1", "bank": `"lon-042"`, "data_dir": `"/var/lib/lockerd"`,
		"url": `"mqtts://broker.example.com:8883"`, "keys_file": `"/etc/lockerd/trust.json"`,
		"name": `"a"`, "driver": `"xor8a" (scanners: "serial")`, "port": `"/dev/ttyUSB0"`,
		"number": "1", "bus": `"a"`, "size": `"M"`, "doors": "34", "id": `"1-07"`,
		"boards":  "[ { address = 1, channels = 24, first_door = 1 } ]",
		"address": "1", "channels": "24", "first_door": "1", "listen": `"127.0.0.1:8480"`, "relay": `"GPIO17"`,
	}
	if e, ok := examples[key]; ok {
		return e
	}
	return `"..."`
}
