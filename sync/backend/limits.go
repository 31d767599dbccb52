package backend

import "time"

// Bounds, and what happens at them.
const (
	inQueue   = 4096    // messages not yet looked at; see Receive
	largeMax  = 256     // of them above wire.MaxBatch, as inQueue at its end; with the rest at most 128 MiB
	outQueue  = 16384   // messages not yet sent; more are dropped, the retry finds them missing
	groupMax  = 256     // messages in one commit
	bodyBytes = 45_000  // of ops or records in one message: as JWS it stays below 64 KiB
	logMax    = 4096    // changes of a set remembered; a bank further behind gets a snapshot
	deltaMax  = 8       // messages of one delta; a longer one goes as a snapshot
	codesMax  = 200_000 // records in a set; Issue refuses more

	journalsMax  = 8         // journals remembered of a bank; the one with the fewest events is forgotten, with them, but not the current
	forksMax     = 64        // times a journal may go back; what it tells anew after that is not kept
	holesMax     = 16        // holes of a journal that may still be filled; what comes of older ones is not kept
	findingsMax  = 32        // findings kept of a bank; the oldest go
	alarmsMax    = 64        // alarms from events standing at a bank; more are not shown
	shownMax     = 128       // alarms of a bank in its Status; the rest is counted
	pendingMax   = 64        // commands unanswered at a bank; Command refuses more
	answeredMax  = 16        // replies kept of a bank when it gets an order
	managedMax   = 64        // sets of a bank
	replyBytes   = 8 << 10   // of a reply; a longer result is not kept
	payloadBytes = 256 << 10 // of anything from a bank
	banksMax     = 200_000   // banks; a further one is not listened to
	journalID    = 64        // characters of a journal's id

	subscribeEvery = 10 * time.Minute // between two looks whether anything comes over a filter

	openLife     = 30 * time.Second // of a command that opens, contract 6.7
	commandLife  = 10 * time.Minute // default of the others
	commandMax   = 7 * 24 * time.Hour
	replyGrace   = 10 * time.Second // after a command's end before it counts as unanswered
	commandRetry = 5 * time.Second  // doubling to retryMax
	toldGrace    = 5 * time.Second  // after an event that tells what came of a command, for its reply with the result
	retryFirst   = 30 * time.Second // doubling to retryMax: no word that something sent was applied
	retryMax     = 10 * time.Minute
	resyncLife   = 24 * time.Hour   // of a question for missing events, by a bank's clock; another one after retryFirst, doubling to retryMax
	lackAlarm    = 2 * time.Minute  // that later events wait for missing ones; then it is an alarm
	slowCodes    = 30               // codes a second over the slowest link that is waited for, 8 KiB/s, before a whole set is sent again
	getRepeat    = 30 * time.Second // the same question again within it is answered with a snapshot

	futileMax  = 4 // tries to bring a set up to date; then it gets a new epoch
	snapWindow = 30 * time.Second
	snapBurst  = 6  // snapshots of a set, or chunks asked for, in a snapWindow; a further one waits for the retry
	trustLag   = 50 // events a bank may be behind to get a new key set; see sendTrust

	keepCodes  = 7 * 24 * time.Hour   // a used, revoked or expired code is dropped this long after its end
	keepTicket = 400 * 24 * time.Hour // a ticket's revocation is forgotten this long after it: until then it must have begun
	sweepEvery = 6 * time.Hour        // and bank
	sweepMax   = 500                  // drops in one sweep of a set
)
