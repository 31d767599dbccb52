package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"lockerd/daemon/bank"
)

// unreachable says what a failure of the socket means and what to do about it.
func (c *Client) unreachable(err error) error {
	e := &bank.Error{Code: CodeUnavailable}
	switch {
	case errors.Is(err, context.Canceled):
		e.Text = "interrupted; what was asked may still happen"
		e.Cure = "lockerctl events --follow shows what does"
	case errors.Is(err, syscall.ENOENT):
		e.Text = fmt.Sprintf("cannot reach lockerd at %q: there is no such socket", c.socket)
		e.Cure = "lockerd does not run or uses another socket: systemctl status lockerd, or --socket (control.socket in its configuration)"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Text = fmt.Sprintf("cannot reach lockerd at %q: connection refused", c.socket)
		e.Cure = "lockerd does not run or uses another socket: systemctl status lockerd, or --socket"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		e.Text = fmt.Sprintf("cannot reach lockerd at %q: permission denied", c.socket)
		e.Cure = permissionCure(c.socket)
	case errors.Is(err, syscall.EAGAIN):
		e.Text = fmt.Sprintf("cannot reach lockerd at %q: too many clients wait for it", c.socket)
		e.Cure = "end other lockerctl, then try again; if there are none: systemctl restart lockerd"
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		e.Text = fmt.Sprintf("cannot get an answer at %q: lockerd takes connections but is silent", c.socket)
		e.Cure = "journalctl -u lockerd says why; systemctl restart lockerd brings it back"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Text = fmt.Sprintf("cannot read the answer at %q: lockerd has gone meanwhile; what was asked may have happened", c.socket)
		e.Cure = "systemctl status lockerd; when it runs again: lockerctl events"
	default:
		return c.foreign(err.Error())
	}
	return e
}

// foreign says that something answers that does not speak as lockerd does.
func (c *Client) foreign(text string) error {
	return &bank.Error{
		Code: CodeUnavailable,
		Text: fmt.Sprintf("cannot talk with what listens at %q: %s", c.socket, text),
		Cure: "it is another program's socket or another version's: check --socket, and use the lockerctl of the version of lockerd",
	}
}

// permissionCure names the group that may use the socket, where it can be seen.
func permissionCure(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "run it with sudo, or join the group of the socket's directory"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "run it with sudo"
	}
	group := strconv.FormatUint(uint64(st.Gid), 10)
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return fmt.Sprintf("only group %q may: sudo usermod -aG %s $USER, then log in again; or run it with sudo", group, group)
}
