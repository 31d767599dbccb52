// Package control is the control socket of a bank: HTTP with JSON over a Unix
// socket, for lockerctl and whoever else may write to that socket.
//
// Whoever may write to the socket is trusted as a field engineer. The socket
// has mode 0660, so its group decides who that is. Each action carries `by`,
// which the bank journals: the user at the other end as the kernel knows it,
// and in parentheses the name the client gave, if any.
//
//	GET  /v1/status           bank.Status
//	GET  /v1/doors            []bank.DoorStatus
//	POST /v1/open             OpenRequest    -> bank.OpenResult, when the outcome is known
//	POST /v1/service          ServiceRequest -> {}
//	GET  /v1/stock            []bank.StockLine
//	POST /v1/stock            StockRequest   -> {}
//	POST /v1/stock/audit      bank.Audited   -> {}: what was found behind one door
//	POST /v1/stock/audit/end  bank.AuditEnd  -> {}
//	GET  /v1/events           from, follow   -> the stored JSON lines (application/x-ndjson)
//	GET  /v1/trace            bus, from, last, follow -> TraceLines (application/x-ndjson)
//	GET  /v1/bundle           a support bundle (application/gzip)
//	GET  /v1/backup           a backup (application/gzip), see package backup
//	GET  /v1/journal/verify   bank.VerifyResult
//	GET  /v1/clock            bank.ClockStatus
//	POST /v1/clock/reset      {}             -> bank.ClockStatus
//	GET  /v1/codes            []bank.CodeStatus
//	POST /v1/codes            bank.NewCode   -> bank.IssuedCode
//	POST /v1/codes/revoke     RevokeRequest  -> {}
//	GET  /v1/self-test        []bank.SelfTestLine
//
// Every POST takes the query member by. What is refused answers with a
// bank.Error as JSON and the HTTP status that fits its code: not_found 404,
// refused 409, invalid 400, unavailable 503, failed 500. Requests are decoded
// strictly: unknown members, trailing data and bodies over 16 KiB are refused.
//
// Bounds: 64 connections are served; the next 16 are answered `unavailable` at
// once and closed, further ones wait in the kernel. Each request has a
// deadline. A stream of events ends when the client or the daemon goes, or
// when the client takes nothing for ten minutes.
//
// A Server is safe for concurrent use; it keeps nothing but its connections.
// A Client is safe for concurrent use.
package control
