// Package link stands between the MQTT session and the bank. To the session it
// is the bank (uplink.Bank): it makes births and snapshots, verifies what comes
// down and hands it on. To the bank it is the way up (bank.Uplink).
//
// Nothing comes down unsigned: bytes become a message by wire.Keys.Open alone,
// on the session's goroutine, and whatever fails becomes the event
// message.refused. Messages are handled one after another, so that the link is
// the only one that changes sets of codes. Snapshots are staged here, beside the
// bank, and switched by it in one commit. The keys are those of keys_file until a
// signed key set of a higher version is in the data file, which goes over it;
// without [trust] everything is refused.
//
// What the bank lacks is asked for with a nonce, at most once a second and set,
// less often while answers don't help. Calls block at most for the disk. A link
// that is down keeps nothing waiting: what was not said then is dropped, for a
// birth makes the backend send what is missing, and a reply is given again when
// its command comes again.
package link
