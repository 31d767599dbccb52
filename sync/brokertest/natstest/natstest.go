// Package natstest starts a NATS cluster of three processes for tests: each is
// the test's own binary, started again as a NATS server. A package that uses it
// has a TestMain that calls Main.
package natstest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/nats-io/nats-server/v2/server"

	"lockerd/sync/brokertest"
)

const (
	nodes   = 3
	confEnv = "LOCKERD_NATS_CONF" // set: this process is a node
)

// Main runs the tests, or this process as a node.
func Main(m *testing.M) {
	if conf := os.Getenv(confEnv); conf != "" {
		if err := serve(conf); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serve(conf string) error {
	o, err := server.ProcessConfigFile(conf)
	if err != nil {
		return fmt.Errorf("cannot read %q: %w", conf, err)
	}
	o.NoSigs = false
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("cannot make the node: %w", err)
	}
	s.ConfigureLogger()
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		return errors.New("the node is not ready after a minute")
	}
	s.WaitForShutdown()
	return nil
}

// Node is one of the cluster's processes.
type Node struct {
	tb   testing.TB
	dir  string
	conf string
	env  []string
	mqtt int
	http string
	cmd  *exec.Cmd
	gone chan struct{}
}

// Start starts a cluster for as long as the test runs, with the configuration
// in the file conf, which knows a user backend, and returns when it takes MQTT messages.
func Start(tb testing.TB, conf string) []*Node {
	tb.Helper()
	conf, err := filepath.Abs(conf)
	if err != nil {
		tb.Fatal(err)
	}
	var routes []string
	var cluster [nodes]int
	for i := range cluster {
		cluster[i] = brokertest.FreePort(tb)
		routes = append(routes, fmt.Sprintf("%q", fmt.Sprintf("nats://127.0.0.1:%d", cluster[i])))
	}
	var all []*Node
	for i := range cluster {
		n := &Node{tb: tb, dir: tb.TempDir(), conf: conf, mqtt: brokertest.FreePort(tb)}
		n.http = fmt.Sprintf("127.0.0.1:%d", brokertest.FreePort(tb))
		n.env = []string{
			confEnv + "=" + conf, fmt.Sprintf("NODE=n%d", i+1), "DATA=" + n.dir, "HOST=127.0.0.1", "HTTP=" + n.http,
			fmt.Sprintf("MQTT_PORT=%d", n.mqtt), fmt.Sprintf("CLUSTER_PORT=%d", cluster[i]),
			"ROUTES=[" + strings.Join(routes, ",") + "]",
		}
		tb.Cleanup(n.last)
		n.launch()
		all = append(all, n)
	}
	for _, n := range all {
		n.await(all...)
	}
	return all
}

// Addr implements brokertest.Broker.
func (n *Node) Addr() string { return fmt.Sprintf("127.0.0.1:%d", n.mqtt) }

// URL implements brokertest.Broker.
func (n *Node) URL() string { return "mqtt://" + n.Addr() }

// Start implements brokertest.Broker.
func (n *Node) Start() {
	n.tb.Helper()
	if n.cmd == nil {
		n.launch()
		n.await(n)
	}
}

func (n *Node) launch() {
	n.tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		n.tb.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.tb.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the process has its own
	n.cmd = exec.Command(exe)          //nolint:noctx // ended by Kill
	n.cmd.Env = append(os.Environ(), n.env...)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		n.tb.Fatalf("cannot start a node: %v", err)
	}
	cmd, gone := n.cmd, make(chan struct{})
	n.gone = gone
	go func() { _ = cmd.Wait(); close(gone) }() // it is always killed
}

// readyTimeout is for three processes to agree on a leader on a busy machine.
const readyTimeout = time.Minute

// await waits until a client is let in. The port listens long before: a node
// answers a CONNECT when the cluster has leaders for the streams of MQTT. It has none
// while one of the nodes that it is started with is not there.
func (n *Node) await(with ...*Node) {
	n.tb.Helper()
	for end := time.Now().Add(readyTimeout); time.Now().Before(end); {
		if n.healthy() && n.letsIn() {
			return
		}
		for _, o := range with {
			if o.ended() {
				n.tb.Fatalf("%s has ended", o.env[1])
			}
		}
		select {
		case <-n.gone:
		case <-time.After(50 * time.Millisecond):
		}
	}
	n.tb.Fatalf("%s lets nobody in", n.env[1])
}

func (n *Node) ended() bool {
	select {
	case <-n.gone:
		return true
	default:
		return false
	}
}

func (n *Node) healthy() bool {
	r, err := http.Get("http://" + n.http + "/healthz") //nolint:noctx // of a process of our own
	if err != nil {
		return false
	}
	_ = r.Body.Close() // nothing of it is wanted
	return r.StatusCode == http.StatusOK
}

func (n *Node) letsIn() bool {
	nc, err := net.DialTimeout("tcp", n.Addr(), time.Second) //nolint:noctx // bounded
	if err != nil {
		return false
	}
	defer func() { _ = nc.Close() }() // it was only asked
	if nc.SetDeadline(time.Now().Add(10*time.Second)) != nil {
		return false
	}
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.CleanSession, p.Keepalive = "MQTT", 4, true, 10
	p.ClientIdentifier = "probe-" + n.env[1]
	p.UsernameFlag, p.Username, p.PasswordFlag, p.Password = true, "backend", true, []byte("backend-secret")
	if p.Write(nc) != nil {
		return false
	}
	answer, err := packets.ReadPacket(nc)
	if err != nil {
		return false
	}
	ack, ok := answer.(*packets.ConnackPacket)
	return ok && ack.ReturnCode == packets.Accepted
}

// Log returns the last of what the node has logged, without the answers to healthy.
func (n *Node) Log() string {
	b, err := os.ReadFile(filepath.Join(n.dir, "log"))
	if err != nil {
		return err.Error()
	}
	lines := slices.DeleteFunc(strings.SplitAfter(string(b), "\n"), func(l string) bool {
		return strings.Contains(l, "Healthcheck failed")
	})
	s := strings.Join(lines, "")
	return s[max(0, len(s)-4000):]
}

// last ends the node and, if its test has failed, shows what it has said.
func (n *Node) last() {
	n.Kill()
	if n.tb.Failed() {
		n.tb.Logf("%s:\n%s", n.env[1], n.Log())
	}
}

// Kill implements brokertest.Broker.
func (n *Node) Kill() { n.end(syscall.SIGKILL) }

// Stop implements brokertest.Broker.
func (n *Node) Stop() { n.end(syscall.SIGTERM) }

func (n *Node) end(sig syscall.Signal) {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Signal(sig) // it may be gone
	select {
	case <-n.gone:
	case <-time.After(20 * time.Second):
		_ = n.cmd.Process.Kill() // as a last word
		<-n.gone
	}
	n.cmd = nil
}

var _ brokertest.Broker = (*Node)(nil)
