package config

import (
	"path/filepath"
	"time"
)

// Version is the only version of the file format.
const Version = 1

// Bounds of the file.
const (
	maxFileBytes   = 1 << 20 // far above what 204 doors written one by one take
	maxSyntaxLines = 16      // lines skipped as unreadable before giving up
	maxSocketPath  = 107     // sun_path of unix(7), less its NUL
	maxText        = 1024    // any text in the file
	maxPrefix      = 128
)

// Bounds of values. Lower bounds are low enough for tests with a simulator.
const (
	minReply, maxReply     = 10 * time.Millisecond, 10 * time.Second
	minPoll, maxPoll       = 50 * time.Millisecond, time.Minute
	maxCoils               = 16
	minPulse, maxPulse     = 10 * time.Millisecond, time.Second
	minProve, maxProve     = 50 * time.Millisecond, time.Minute
	maxTries               = 10
	minAjar, maxAjar       = 100 * time.Millisecond, 7 * 24 * time.Hour
	maxReopen              = time.Hour
	minIdle, maxIdle       = 100 * time.Millisecond, time.Hour
	minBytes, maxBytes     = 4096, 1 << 40
	maxKeep                = 10 * 365 * 24 * time.Hour
	minKeepalive           = time.Second
	maxKeepalive           = 65535 * time.Second // MQTT 3.1.1, 3.1.2.10
	minHeartbeat, maxHeart = 100 * time.Millisecond, 24 * time.Hour
	minWidth, maxWidth     = 160, 1920 // more pixels than a code needs cost time only
	minHeight, maxHeight   = 120, 1440
	maxFPS                 = 60
	minAck, maxAck         = 100 * time.Millisecond, 10 * time.Minute
	minHold, maxHold       = time.Second, 5 * time.Minute
	minJudged, maxJudged   = time.Second, 10 * time.Minute // below the deadline of the launcher's guard
)

// Default returns the values that hold where the file says nothing. Pointers
// are nil and lists empty: what they would hold has to be asked for.
func Default() Config {
	return Config{
		Timezone: "UTC",
		Open: Open{
			Pulse:        300 * time.Millisecond,
			Prove:        3 * time.Second,
			Tries:        3,
			AjarWarn:     30 * time.Second,
			AjarAlarm:    120 * time.Second,
			ReopenWindow: 2 * time.Minute,
			VisitIdle:    time.Minute,
		},
		Update:  Update{Hold: time.Minute, Deadline: 5 * time.Minute},
		Journal: Journal{Bytes: 64 << 20, KeepAcked: 168 * time.Hour},
	}
}

// defaultMQTT returns a [mqtt] section of which only the URL was given.
func defaultMQTT(bank string) MQTT {
	return MQTT{
		Username:   bank,
		Prefix:     "lockers/v1",
		DownQoS:    1,
		Keepalive:  30 * time.Second,
		Heartbeat:  60 * time.Second,
		AckTimeout: 5 * time.Second,
	}
}

// DefaultIdentity returns an [identity] section in which nothing was given.
func DefaultIdentity(dataDir string) Identity {
	return Identity{Dir: filepath.Join(dataDir, "identity"), SeedFile: filepath.Join(dataDir, "lockerd-seed.toml")}
}

// defaultBus returns a bus of which only what must be given was given.
func defaultBus(f family) Bus {
	return Bus{Baud: f.baud, ReplyTimeout: 300 * time.Millisecond, Poll: 500 * time.Millisecond, Coils: 1}
}

// NewBus returns a bus of which only what must be given was given, for those
// who write files.
func NewBus(name, driver, port string) Bus {
	f, _ := familyOf(driver, "")
	b := defaultBus(f)
	b.Name, b.Driver, b.Port = name, driver, port
	return b
}

// defaultScanner returns a scanner of which only what must be given was given.
func defaultScanner(driver string) Scanner {
	sc := Scanner{Suffix: "\r"}
	switch driver {
	case "serial":
		sc.Baud = 9600
	case "hid":
		sc.Layout = "us"
	case "camera":
		sc.Width, sc.Height, sc.FPS = 640, 480, 30
	}
	return sc
}

// DefaultSocket returns the control socket of a data directory.
func DefaultSocket(dataDir string) string { return filepath.Join(dataDir, "control.sock") }
