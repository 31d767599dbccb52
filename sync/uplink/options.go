package uplink

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/sync/wire"
)

const mqtt311 = 4 // protocol level of MQTT 3.1.1

// options are those of a client for one connection. What the library would do
// by itself afterwards is switched off: on a new connection its store replays
// stale packets, and completes tokens of messages that nobody got.
func (s *session) options() (*mqtt.ClientOptions, error) {
	c := &s.u.c
	password, err := c.password()
	if err != nil {
		return nil, err
	}
	will, err := json.Marshal(s.death())
	if err != nil {
		return nil, fmt.Errorf("cannot encode the will: %w", err)
	}
	o := mqtt.NewClientOptions()
	o.AddBroker("tcp://broker") // never dialled: the connection is there
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return s.conn, nil })
	o.SetProtocolVersion(mqtt311) // else a refusal is answered with MQTT 3.1 on a closed connection
	o.SetClientID(c.Bank).SetUsername(c.Username).SetPassword(password)
	o.SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetResumeSubs(false)
	o.SetOrderMatters(true).SetAutoAckDisabled(true)
	o.SetKeepAlive(c.KeepAlive)
	o.SetPingTimeout(c.silence() + c.KeepAlive) // the session's own watchdog comes first
	o.SetWriteTimeout(c.writeTimeout())
	o.SetConnectTimeout(ConnectTimeout)
	o.SetBinaryWill(c.topic(wire.TopicState), will, 1, true)
	o.SetDefaultPublishHandler(s.onMessage)
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.end(lost(err)) })
	return o, nil
}

// lost says why a connection has ended. MQTT 3.1.1 has no word for it (3.14 is the
// client's), so the text names what a broker hangs up for.
func lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("the broker ended the connection (%w); if it does again and again, look for another board of this name, and at the broker's log and ACL", err)
	}
	return fmt.Errorf("connection lost: %w", err)
}

// death is what the broker publishes when it loses the bank.
func (s *session) death() wire.State {
	return wire.State{V: wire.Version, Bank: s.u.c.Bank, Status: wire.Offline, Boot: s.state.Boot, Conn: s.state.Conn}
}
