package wire

import (
	"encoding/json"

	"lockerd/daemon/locker"
)

// Version is the member v of every message.
const Version = 1

// Topics below {prefix}/{bank}/.
const (
	TopicState   = "state"
	TopicDoors   = "state/doors"
	TopicStock   = "state/stock"
	TopicHealth  = "state/health"
	TopicEvents  = "up/events"
	TopicReply   = "up/reply"
	TopicGet     = "up/get"
	TopicBundle  = "up/bundle" // ours, added to the contract: see sync/README.md
	TopicAck     = "down/ack"
	TopicCodes   = "down/codes"
	TopicDesired = "down/desired"
	TopicCommand = "down/command"
	TopicTrust   = "down/trust"
)

// Statuses of a bank.
const (
	Online  = "online"
	Offline = "offline"
)

// State is birth and death of a connection, retained on TopicState (contract 6.2).
// A death has only the members up to Reason.
type State struct {
	V      int    `json:"v"`
	Bank   string `json:"bank"`
	Status string `json:"status"`
	Boot   int64  `json:"boot"` // starts of lockerd, from 1
	Conn   int64  `json:"conn"` // connections over all starts; with Boot it names the connection
	Reason string `json:"reason,omitempty"`

	At      locker.Time         `json:"at,omitzero"`
	Clock   locker.Clock        `json:"clock,omitempty"`
	Version string              `json:"version,omitempty"`
	Doors   int                 `json:"doors,omitempty"`
	Nonce   string              `json:"nonce,omitempty"` // 16 bytes, base64url, new each connection
	Journal *JournalState       `json:"journal,omitempty"`
	Codes   map[string]SetState `json:"codes,omitzero"` // a birth has it, with no set too
	Desired *VersionState       `json:"desired,omitempty"`
	Trust   *VersionState       `json:"trust,omitempty"`
	Command *CounterState       `json:"command,omitempty"`
}

// JournalState is how far a journal is.
type JournalState struct {
	ID    string `json:"id"`
	First uint64 `json:"first"` // oldest event kept
	Next  uint64 `json:"next"`  // seq of the next event
}

// SetState is how far a set of codes is.
type SetState struct {
	Epoch   int64         `json:"epoch"`
	Version int64         `json:"version"`
	Count   int           `json:"count"` // live records
	Digest  locker.Digest `json:"digest"`
}

// VersionState is the version of a document; 0: none yet.
type VersionState struct {
	Version int64 `json:"version"`
}

// CounterState is the counter of the last accepted command.
type CounterState struct {
	Counter int64 `json:"counter"`
}

// Stock is TopicStock: the counts after the event Seq.
type Stock struct {
	V       int         `json:"v"`
	Bank    string      `json:"bank"`
	Journal string      `json:"journal"`
	Seq     uint64      `json:"seq"`
	Stock   []StockLine `json:"stock"`
}

// StockLine is the count of one sku of one tenant.
type StockLine struct {
	Tenant string `json:"tenant"`
	SKU    string `json:"sku"`
	Count  int    `json:"count"`
	Min    *int   `json:"min,omitempty"`
}

// Doors is TopicDoors: the doors after the event Seq.
type Doors struct {
	V       int    `json:"v"`
	Bank    string `json:"bank"`
	Journal string `json:"journal"`
	Seq     uint64 `json:"seq"`
	Doors   []Door `json:"doors"`
}

// Door is one door of a snapshot.
type Door struct {
	ID    locker.DoorID  `json:"id"`
	State string         `json:"state"` // open, closed, unknown
	Out   []locker.Cause `json:"out_of_service,omitempty"`
	Item  *locker.Item   `json:"item,omitempty"`
}

// Health is TopicHealth, each heartbeat. Boot and Conn name the connection.
type Health struct {
	V        int               `json:"v"`
	Bank     string            `json:"bank"`
	Boot     int64             `json:"boot"`
	Conn     int64             `json:"conn"`
	At       locker.Time       `json:"at"`
	Clock    locker.Clock      `json:"clock"`
	UptimeS  int64             `json:"uptime_s"` // of this run of lockerd
	Buses    []BusHealth       `json:"buses"`
	Scanners []ScannerHealth   `json:"scanners"`
	Disk     *DiskHealth       `json:"disk,omitempty"`
	TempC    *float64          `json:"temperature_c,omitempty"` // of the board, where the kernel tells
	Journal  JournalHealth     `json:"journal"`
	CacheAge map[string]int64  `json:"cache_age_s"` // seconds since the backend confirmed the set
	Link     map[string]uint64 `json:"link,omitempty"`
}

// BusHealth is one bus and its boards.
type BusHealth struct {
	Name   string        `json:"name"`
	Boards []BoardHealth `json:"boards"`
}

// BoardHealth is one board.
type BoardHealth struct {
	Address int    `json:"address"`
	State   string `json:"state"` // starting, ok, lost
	Error   string `json:"error,omitempty"`
}

// ScannerHealth is one scanner.
type ScannerHealth struct {
	Name  string `json:"name"`
	State string `json:"state"` // starting, ok, lost
	Error string `json:"error,omitempty"`
}

// DiskHealth is the file system of data_dir.
type DiskHealth struct {
	FreeBytes  uint64 `json:"free_bytes"`
	TotalBytes uint64 `json:"total_bytes"`
}

// JournalHealth is the length of the journal.
type JournalHealth struct {
	ID      string `json:"id"`
	First   uint64 `json:"first"`
	Next    uint64 `json:"next"`
	Acked   uint64 `json:"acked"` // last event the backend has
	Bytes   int64  `json:"bytes"`
	Pending uint64 `json:"pending"` // events not yet acknowledged
}

// Events is TopicEvents: at most 50 events and 16 KiB, ascending without holes. One
// larger event goes alone, up to 64 KiB.
// Each event is the stored line, byte for byte, so that its hash can be checked.
type Events struct {
	V       int               `json:"v"`
	Bank    string            `json:"bank"`
	Journal string            `json:"journal"`
	Events  []json.RawMessage `json:"events"`
}

// Reply is TopicReply: the answer to one command.
type Reply struct {
	V    int    `json:"v"`
	Bank string `json:"bank"`
	locker.Reply
}

// Get is TopicGet: the bank asks for what it lacks (contract 6.5).
type Get struct {
	V     int    `json:"v"`
	Bank  string `json:"bank"`
	Want  string `json:"want"` // codes
	Set   string `json:"set"`
	Epoch int64  `json:"epoch"`
	From  int64  `json:"from"`            // version the bank has, of that epoch
	Chunk int    `json:"chunk,omitempty"` // of the snapshot under way
	To    int64  `json:"to,omitempty"`    // its version, with Chunk
	Nonce string `json:"nonce"`           // the answer carries it
}

// Bundle is TopicBundle: one chunk of a support bundle, which is encrypted to the
// recipient that the command bundle named. Chunk n holds the bytes from (n-1)*12000
// on. They may come again, and in any order.
type Bundle struct {
	V      int    `json:"v"`
	Bank   string `json:"bank"`
	ID     string `json:"id"` // as in the reply to the command
	Chunk  int    `json:"chunk"`
	Chunks int    `json:"chunks"`
	Bytes  int    `json:"bytes"`  // of the whole
	SHA256 string `json:"sha256"` // of the whole, hex
	Data   string `json:"data"`   // base64url without padding
}
