package config

import (
	"path/filepath"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal"
)

// Config is one bank as its file describes it, with the defaults filled in.
type Config struct {
	Bank     string
	DataDir  string
	Timezone string // for people only; everything stored is UTC

	MQTT  *MQTT  // nil: run without a broker
	Trust *Trust // nil: everything signed from above and every ticket is refused
	// Identity is ours; nil: the files of [mqtt] and [trust] are somebody else's to make.
	Identity *Identity
	Time     Time
	Open     Open
	Journal  Journal
	Control  Control
	Update   Update
	Kiosk    *Kiosk   // nil: no page
	Metrics  *Metrics // nil: none

	Buses    []Bus
	Lockers  []Locker
	Doors    []Door // every door of the bank, by locker and number
	Scanners []Scanner
}

// MQTT is the way to the broker. File names are not looked at before they are
// used: the TLS files are read afresh for each connection.
type MQTT struct {
	URL          string // mqtt, mqtts, ws or wss; never with a password in it
	Username     string
	PasswordFile string // "": none
	CAFile       string
	CertFile     string
	KeyFile      string
	Prefix       string
	DownQoS      int // 0 or 1
	Keepalive    time.Duration
	Heartbeat    time.Duration
	AckTimeout   time.Duration
}

// Trust says where the keys are that may sign what comes down.
type Trust struct {
	KeysFile string
}

// Identity is where the bank keeps the certificate that it enrols for and renews (ours).
// With it [mqtt] has no cert_file and key_file, and ca_file and [trust] keys_file are
// those that came with the certificate, unless they are named.
type Identity struct {
	Dir      string
	SeedFile string // where a card's seed lies; it is used once and erased
	URL      string // where the certificate is renewed; "": where the operator has said
}

// CAFile is the file in the directory by which the broker is known.
func (i *Identity) CAFile() string { return filepath.Join(i.Dir, "ca.pem") }

// KeysFile is the file in the directory with the keys that may sign what comes down.
func (i *Identity) KeysFile() string { return filepath.Join(i.Dir, "trust.json") }

// Update says where new versions come from and how they are judged (ours).
type Update struct {
	Source   string        // https://, http:// or a directory; "": only what is ordered at the bank names one
	RootFile string        // first trusted root of the update repository; "": every update is refused
	Hold     time.Duration // all that worked before must have worked so long
	Deadline time.Duration // by then, or the version before comes back
}

// Time replaces the system clock in tests.
type Time struct {
	File string // "": the system clock
}

// Bus is one chain of lock boards.
type Bus struct {
	Name         string
	Driver       string
	Port         string // "" for sim
	Baud         int
	RS485        bool // the kernel switches the line's direction
	ReplyTimeout time.Duration
	Poll         time.Duration
	Coils        int
	Lines        BusLines          // of a gpio bus
	Profile      map[string]string // keys of [bus.profile] that were given, as text; nil: none
}

// Locker is one cabinet and the boards in it.
type Locker struct {
	Number int
	Bus    string
	Size   locker.Size
	Doors  int
	Boards []Board
}

// Board is one board: its channel 1 is FirstDoor, the others follow.
type Board struct {
	Address   int
	Channels  int
	FirstDoor int
}

// Use says what a free door may be taken for.
type Use string

// Uses of a door.
const (
	UseAny     Use = "any"
	UseStock   Use = "stock"
	UseReturns Use = "returns"
)

// Door is one door with its exceptions applied and its lock found.
type Door struct {
	ID         locker.DoorID
	Size       locker.Size
	Accessible bool
	Sensor     bool   // false: no feedback wired, openings stay unproven
	Tenant     string // "": anybody's
	Use        Use
	Bus        string
	Lock       hal.Lock // its place by the board's first_door
	Wire       Wire
	Lines      DoorLines // on a gpio bus
}

// Scanner is one barcode scanner.
type Scanner struct {
	Name   string
	Driver string
	Port   string
	Baud   int    // of serial
	Module string // of serial: what keeps it set up; "": nothing is written to it
	// Trigger is what makes a module read; "" without Module.
	Trigger string
	Layout  string // of hid: what country's keyboard the scanner plays
	Suffix  string // "\r", "\n", "\t", or "" for 60 ms of silence
	Width   int    // of camera: wished pixels and frames a second
	Height  int
	FPS     int
}

// Open says how doors are pulsed, proven and watched.
type Open struct {
	Pulse        time.Duration
	Prove        time.Duration // from a pulse until feedback must say open
	Tries        int
	AjarWarn     time.Duration
	AjarAlarm    time.Duration
	ReopenWindow time.Duration
	VisitIdle    time.Duration
}

// Journal bounds the journal.
type Journal struct {
	Bytes     int64
	KeepAcked time.Duration
}

// Control is the socket of lockerctl.
type Control struct {
	Socket string
}

// Kiosk is the page on the locker's screen.
type Kiosk struct {
	Listen string
}

// Metrics is the Prometheus endpoint.
type Metrics struct {
	Listen string
}
