package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/sync/brokertest"
)

// TestEnrolScripts takes boards through enrolment: real lockerd, a real lockerctl fleet serve,
// a real mosquitto with the certificates of its CA. The commands beside testscript's own:
//
//	broker                starts mosquitto by the files that enrol init and service have made; $BROKER
//	broker-reload         has it read its files again, as systemctl reload does
//	broker-restart        stops and starts it
//	broker-log REGEXP     waits until its log has a line
//	await REGEXP CMD...   runs a command until its output matches
//	await-socket          waits for a serve
//	exits CODE CMD...     runs a command that must end with that exit code
//	handshake DIR WANT    shows the broker the certificate of an identity's directory; WANT is
//	                      accepted, or what the broker's alert says
//	fill FILE...          puts the broker's address in the place of BROKER
func TestEnrolScripts(t *testing.T) {
	brokertest.FindMosquitto(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "enrol"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			evenly(e)
			e.Setenv("LOCKERCTL_FLEET_STATE", filepath.Join(e.WorkDir, "st", "f.db"))
			e.Setenv("ENROL", fmt.Sprintf("127.0.0.1:%d", brokertest.FreePort(t)))
			e.Values[brokerKey{}] = new(*brokertest.Mosquitto)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"broker": func(ts *testscript.TestScript, _ bool, _ []string) { startBroker(t, ts) },
			"broker-reload": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(syscall.Kill(brokerOf(ts).PID(), syscall.SIGHUP))
			},
			"broker-restart": func(ts *testscript.TestScript, _ bool, _ []string) { brokerOf(ts).Stop(); brokerOf(ts).Start() },
			"broker-log":     brokerLog,
			"await":          awaitOutput,
			"await-socket":   awaitSocket,
			"exits":          exits,
			"fill":           fill,
			"handshake":      handshake,
		},
	})
}

type brokerKey struct{}

func brokerOf(ts *testscript.TestScript) *brokertest.Mosquitto {
	return *ts.Value(brokerKey{}).(**brokertest.Mosquitto)
}

// startBroker starts mosquitto as sync/enrol/README.md describes it.
func startBroker(t *testing.T, ts *testscript.TestScript) {
	t.Helper()
	m := brokertest.StartMosquitto(t, brokertest.Options{
		TLS: &brokertest.Files{CA: ts.MkAbs("st/f.ca.pem"), Cert: ts.MkAbs("broker.pem"), Key: ts.MkAbs("broker.key")},
		ACL: "user backend\ntopic readwrite #\n\npattern write lockers/v1/%u/state/#\npattern write lockers/v1/%u/up/#\npattern read lockers/v1/%u/down/#\n",
		Config: strings.Join([]string{
			"user root", "listener PORT 127.0.0.1", "set_tcp_nodelay true", "log_dest file DIR/log", "connection_messages true",
			"cafile DIR/ca.pem", "certfile DIR/server.pem", "keyfile DIR/server.key", "crlfile " + ts.MkAbs("st/f.crl.pem"),
			"require_certificate true", "use_identity_as_username true", "allow_anonymous false", "acl_file DIR/acl", "",
		}, "\n"),
	})
	*ts.Value(brokerKey{}).(**brokertest.Mosquitto) = m
	ts.Setenv("BROKER", m.URL())
}

func brokerLog(ts *testscript.TestScript, _ bool, args []string) {
	want, file := regexp.MustCompile(args[0]), filepath.Join(brokerOf(ts).Dir(), "log")
	var log []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var err error
		log, err = os.ReadFile(file)
		ts.Check(err)
		if want.Match(log) {
			return
		}
	}
	ts.Fatalf("the broker's log has no %q:\n%s", args[0], log)
}

// command runs one in the script's environment.
func command(ts *testscript.TestScript, args []string) ([]byte, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "TZ", "TERM", "GORACE", "LOCKERCTL_FLEET_STATE", "BROKER"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd.CombinedOutput()
}

func awaitOutput(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[0])
	var out []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if out, _ = command(ts, args[1:]); want.Match(out) { // an exit code is no answer yet
			return
		}
	}
	ts.Fatalf("%q does not come from %q:\n%s", args[0], args[1:], out)
}

// fill puts the broker's address into files.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		raw, err := os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), bytes.ReplaceAll(raw, []byte("BROKER"), []byte(ts.Getenv("BROKER"))), 0o600))
	}
}

// handshake shows the broker a certificate, and waits for what it says.
func handshake(ts *testscript.TestScript, _ bool, args []string) {
	dir, want := ts.MkAbs(args[0]), args[1]
	keys, err := filepath.Glob(filepath.Join(dir, "keys", "*.key"))
	ts.Check(err)
	if len(keys) != 1 {
		ts.Fatalf("%d keys in %s", len(keys), dir)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "bank.pem"), keys[0])
	ts.Check(err)
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	ts.Check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	got := "accepted"
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got = alert(brokerOf(ts).Addr(), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", Certificates: []tls.Certificate{cert}}); strings.Contains(got, want) {
			return
		}
	}
	ts.Fatalf("the broker says %q, want %q", got, want)
}

// alert is what a broker says of a client that says nothing.
func alert(addr string, c *tls.Config) string {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: c}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }() // it has said what it had to
	if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		return err.Error()
	}
	_, err = conn.Read(make([]byte, 1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "accepted" // and waits for an MQTT packet
	}
	return fmt.Sprint(err)
}
