package uplink

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config is the [mqtt] section and the bank's name. Absent times are the
// contract's defaults.
type Config struct {
	Bank         string // also the client id
	URL          string // mqtt, mqtts, ws, wss
	Username     string // default: the bank
	PasswordFile string // this and the TLS files are read for each connection
	CAFile       string
	CertFile     string
	KeyFile      string
	// Certificate, if set, gives the bank's certificate for each connection, in place
	// of the two files: its key may be one that is in no file.
	Certificate func() (*tls.Certificate, error)
	Prefix      string
	DownQoS     byte // 0 or 1
	KeepAlive   time.Duration
	Heartbeat   time.Duration
}

// Options are what tests and the daemon put in place of the system's own.
type Options struct {
	Dial                   func(ctx context.Context, network, addr string) (net.Conn, error)
	Clock                  Clock
	Log                    *slog.Logger
	Rand                   func() float64 // from [0, 1)
	BackoffMin, BackoffMax time.Duration
}

func (c Config) withDefaults() Config {
	if c.Username == "" {
		c.Username = c.Bank
	}
	if c.Prefix == "" {
		c.Prefix = "lockers/v1"
	}
	if c.KeepAlive < time.Second {
		c.KeepAlive = 30 * time.Second
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 60 * time.Second
	}
	return c
}

func (o Options) withDefaults(c Config) Options {
	if o.Dial == nil {
		o.Dial = systemDialer(c.silence()).DialContext
	}
	if o.Clock == nil {
		o.Clock = func() (time.Time, bool) { return time.Now(), true }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.BackoffMin <= 0 {
		o.BackoffMin = BackoffMin
	}
	if o.BackoffMax <= 0 {
		o.BackoffMax = BackoffMax
	}
	return o
}

// silence is how long nothing may come in: a ping goes out after one keepalive,
// and its answer has another.
func (c *Config) silence() time.Duration { return 2 * c.KeepAlive }

// writeTimeout is for one packet.
func (c *Config) writeTimeout() time.Duration { return max(c.silence(), 10*time.Second) }

// topic returns the full name of one of the bank's topics.
func (c *Config) topic(name string) string { return c.Prefix + "/" + c.Bank + "/" + name }

// local returns the name below the bank's prefix, or "" if it is not below it.
func (c *Config) local(topic string) string {
	name, ok := strings.CutPrefix(topic, c.topic(""))
	if !ok {
		return ""
	}
	return name
}

// password reads the password file. One line break at its end is not part of it.
func (c *Config) password() (string, error) {
	if c.PasswordFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("cannot read password_file %q: %w", c.PasswordFile, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}

// defaultPort is the one of a scheme.
func defaultPort(scheme string) string {
	switch scheme {
	case "mqtts":
		return "8883"
	case "ws":
		return "80"
	case "wss":
		return "443"
	}
	return "1883"
}

// broker reads the URL.
func (c *Config) broker() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("cannot read the broker's url: %w", err)
	}
	switch u.Scheme {
	case "mqtt", "mqtts", "ws", "wss":
	default:
		return nil, fmt.Errorf("cannot use the broker's url %q: its scheme must be mqtt, mqtts, ws or wss", c.URL)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPort(u.Scheme))
	}
	if u.Path == "" && strings.HasPrefix(u.Scheme, "ws") {
		u.Path = "/mqtt"
	}
	return u, nil
}
