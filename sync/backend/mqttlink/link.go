// Package mqttlink connects a backend to an MQTT 3.1.1 broker with
// github.com/eclipse/paho.mqtt.golang.
//
// Run makes a connection, serves on it, and after it ends makes another, with full
// jitter between 1 s and 1 min. Each has a client of its own: paho's own reconnecting
// replays stale packets (240 duplicates of a few hundred messages, measured).
//
// The session is clean. A broker that kept the session would queue banks' events while
// the backend is away, up to a limit it drops at without a word, and deliver them
// beside what the banks send again. Nothing is lost without it: banks resend what was
// not acknowledged, the retained births say what each bank lacks, a command is sent
// again under its id, and a bank repeats its own questions.
//
// A PUBACK is no acknowledgement of an event: down/ack is, and package backend sends
// it after its commit.
package mqttlink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/sync/backend"
	"lockerd/sync/wire"
)

// Options say where the broker is and who we are. The files are read afresh for each
// connection.
type Options struct {
	URL          string // mqtt, mqtts, ws or wss
	ClientID     string // unique at the broker
	Username     string
	PasswordFile string
	CAFile       string
	CertFile     string
	KeyFile      string
	QoS          byte // of subscriptions; 0 where QoS 1 ones are dear
	Log          *slog.Logger
	Failed       func(error) // if set: told why a connection ended or did not come about
}

// Bounds.
const (
	connectTime = 15 * time.Second
	writeTime   = 10 * time.Second
	keepAlive   = 30 * time.Second
	pingTime    = 10 * time.Second
	backoffMin  = time.Second
	backoffMax  = time.Minute
	inFlight    = 64 // messages without a PUBACK; Publish waits beyond
	stalled     = 30 * time.Second
)

// Server is a backend: it takes the messages and works on a connection.
type Server interface {
	Receive(ctx context.Context, m backend.Message)
	Serve(ctx context.Context, link backend.Link) error
}

// Run keeps a backend connected until ctx ends; then it returns nil. It returns an
// error only where trying again can't help: options that can't be understood.
func Run(ctx context.Context, o Options, s Server) error {
	if err := o.Check(); err != nil {
		return err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	wait := backoffMin
	for ctx.Err() == nil {
		begun := time.Now()
		err := once(ctx, o, s)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to end
		}
		if o.Failed != nil {
			o.Failed(err)
		}
		if time.Since(begun) > backoffMax {
			wait = backoffMin
		}
		pause := rand.N(wait)
		o.Log.Warn("not connected", slog.Any("error", err), slog.Duration("again_in", pause))
		wait = min(2*wait, backoffMax)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return nil
}

func once(ctx context.Context, o Options, s Server) error {
	l, err := Dial(ctx, o, s.Receive)
	if err != nil {
		return err
	}
	defer l.Close()
	return s.Serve(ctx, l)
}

var schemes = map[string]string{"mqtt": "tcp", "mqtts": "ssl", "ws": "ws", "wss": "wss"}

// Check tells whether the options can be understood; it opens no file.
func (o *Options) Check() error {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || schemes[u.Scheme] == "" {
		return fmt.Errorf("cannot use broker %q: write it as mqtts://broker.example.com:8883 (mqtt, mqtts, ws or wss)", o.URL)
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("cannot use a certificate without its key: give both files")
	}
	return nil
}

// Link is one connection.
type Link struct {
	client mqtt.Client
	qos    byte
	cancel context.CancelFunc
	done   chan struct{}
	end    sync.Once
	window chan struct{}
}

var _ backend.Link = (*Link)(nil)

// Dial connects. receive may wait: the connection's reading waits with it, and is
// freed when the link is closed.
func Dial(ctx context.Context, o Options, receive func(context.Context, backend.Message)) (*Link, error) {
	opts, err := o.client()
	if err != nil {
		return nil, err
	}
	lctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &Link{qos: o.QoS, cancel: cancel, done: make(chan struct{}), window: make(chan struct{}, inFlight)}
	opts.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		receive(lctx, backend.Message{Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained()})
	})
	opts.SetConnectionLostHandler(func(mqtt.Client, error) { l.over() })
	l.client = mqtt.NewClient(opts)
	if err := wait(ctx, l.client.Connect(), connectTime); err != nil {
		l.Close()
		return nil, fmt.Errorf("cannot connect to %s: %w", o.URL, err)
	}
	return l, nil
}

func (l *Link) over() {
	l.end.Do(func() {
		l.cancel()
		close(l.done)
	})
}

// Close ends the connection.
func (l *Link) Close() {
	l.over()
	l.client.Disconnect(100)
}

// Done implements backend.Link.
func (l *Link) Done() <-chan struct{} { return l.done }

// Subscribe implements backend.Link. It asks for all at once: mochi 2.7.9 refuses a
// SUBSCRIBE whose packet id one of its own messages to this client has, and there are none
// before the first.
func (l *Link) Subscribe(ctx context.Context, filters ...string) error {
	want := map[string]byte{}
	for _, f := range filters {
		want[f] = l.qos
	}
	t := l.client.SubscribeMultiple(want, nil)
	if err := wait(ctx, t, stalled); err != nil {
		return fmt.Errorf("cannot subscribe to %s: %w", strings.Join(filters, ", "), err)
	}
	s, ok := t.(*mqtt.SubscribeToken)
	for _, f := range filters {
		if ok && !wire.Granted(s.Result()[f]) {
			return fmt.Errorf("cannot subscribe to %s: the broker refuses it (%#x); allow it to this user", f, s.Result()[f])
		}
	}
	return nil
}

// Publish implements backend.Link.
func (l *Link) Publish(ctx context.Context, topic string, payload []byte) error {
	select {
	case l.window <- struct{}{}:
	case <-l.done:
		return backend.ErrLink
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(stalled):
		l.over()
		return fmt.Errorf("the broker has acknowledged nothing for %s", stalled)
	}
	t := l.client.Publish(topic, qosOf(topic), false, payload)
	go func() {
		select {
		case <-t.Done():
		case <-l.done:
		}
		<-l.window
	}()
	return nil
}

// qosOf is 0 for acknowledgements: the next one says the same and more, and for what
// is lost the bank sends its events again. Whatever else goes down is sent once.
func qosOf(topic string) byte {
	if strings.HasSuffix(topic, "/"+wire.TopicAck) {
		return 0
	}
	return 1
}

// wait waits for a token as long as ctx and limit allow.
func wait(ctx context.Context, t mqtt.Token, limit time.Duration) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(limit):
		return fmt.Errorf("no answer within %s", limit)
	}
}

func (o *Options) client() (*mqtt.ClientOptions, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, err
	}
	u.Scheme = schemes[u.Scheme]
	c := mqtt.NewClientOptions().AddBroker(u.String()).SetClientID(o.ClientID).SetUsername(o.Username)
	c.SetProtocolVersion(4).SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false)
	c.SetConnectTimeout(connectTime).SetWriteTimeout(writeTime).SetKeepAlive(keepAlive).SetPingTimeout(pingTime)
	c.SetOrderMatters(true)
	if o.PasswordFile != "" {
		b, err := os.ReadFile(o.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the password: %w", err)
		}
		c.SetPassword(strings.TrimRight(string(b), "\r\n"))
	}
	t, err := o.tls(u.Hostname())
	if err != nil {
		return nil, err
	}
	c.SetTLSConfig(t)
	return c, nil
}

func (o *Options) tls(host string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the CA: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use %s: there is no PEM certificate in it", o.CAFile)
		}
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot use the certificate %s: %w", o.CertFile, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}
