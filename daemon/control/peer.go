package control

import (
	"fmt"
	"net"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// maxBy bounds the name a client may give itself, in characters.
const maxBy = 64

// peerUser returns the name of the user at the other end of a Unix socket, as
// the kernel knew it when the connection was made.
func peerUser(c net.Conn) string {
	if own, ok := c.(*conn); ok {
		c = own.Conn
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return "unknown"
	}
	uid, err := peerUID(sc)
	if err != nil {
		return "unknown"
	}
	id := strconv.FormatUint(uint64(uid), 10)
	u, err := user.LookupId(id)
	if err != nil {
		return "uid " + id
	}
	return u.Username
}

func peerUID(sc syscall.Conn) (uint32, error) {
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var cerr error
	err = raw.Control(func(fd uintptr) {
		cred, cerr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return 0, err
	}
	if cerr != nil {
		return 0, cerr
	}
	return cred.Uid, nil
}

// byOf joins the kernel's user and the name the client gave. The user stands
// first and ends at the parenthesis, so no name can stand in for it.
func byOf(peer, given string) (string, error) {
	given = strings.TrimSpace(given)
	if given == "" {
		return peer, nil
	}
	if !utf8.ValidString(given) || utf8.RuneCountInString(given) > maxBy || strings.ContainsFunc(given, isControl) {
		return "", fmt.Errorf("cannot take the name in by: it has more than %d characters or some that cannot be printed", maxBy)
	}
	return peer + " (" + given + ")", nil
}

func isControl(r rune) bool { return !unicode.IsPrint(r) }
