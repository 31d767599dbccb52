package control

import (
	"context"
	"net/http"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

// Deadlines of requests, for the bank's part of them.
const (
	quick      = 10 * time.Second
	openTime   = 2 * time.Minute  // queue + tries x (prove + retries): ten times the defaults
	testTime   = time.Minute      // a silent bus answers with time-outs
	updateTime = 40 * time.Minute // a program over the slowest modem
	scanTime   = 10 * time.Minute // a whole journal, 4 x 64 MiB, on the slowest card
)

// none is the answer of an action that has nothing to tell.
type none struct{}

// routes is the catalogue of what the socket answers.
func (s *Server) routes() {
	b := s.bank
	get(s, "/v1/status", quick, b.Status)
	get(s, "/v1/doors", quick, b.Doors)
	get(s, "/v1/stock", quick, b.Stock)
	get(s, "/v1/journal/verify", scanTime, b.Verify)
	get(s, "/v1/clock", quick, b.Clock)
	get(s, "/v1/codes", quick, b.Codes)
	get(s, "/v1/self-test", testTime, b.SelfTest)
	post(s, "/v1/open", openTime, s.open)
	post(s, "/v1/service", quick, s.service)
	post(s, "/v1/stock", quick, s.setStock)
	post(s, "/v1/stock/audit", quick, s.audit)
	post(s, "/v1/stock/audit/end", quick, s.endAudit)
	post(s, "/v1/clock/reset", quick, s.resetClock)
	post(s, "/v1/codes", quick, b.NewCode)
	post(s, "/v1/codes/revoke", quick, s.revoke)
	get(s, "/v1/update", quick, b.UpdateStatus)
	post(s, "/v1/update", updateTime, b.Update)
	s.mux.HandleFunc("GET /v1/events", s.events)
	s.mux.HandleFunc("GET /v1/trace", s.trace)
	s.mux.HandleFunc("GET /v1/bundle", s.sendBundle)
	s.mux.HandleFunc("GET /v1/backup", s.sendBackup)
}

func (s *Server) open(ctx context.Context, r OpenRequest, by string) (bank.OpenResult, error) {
	if err := needDoor(r.Door); err != nil {
		return bank.OpenResult{}, err
	}
	if r.Reason == "" {
		return bank.OpenResult{}, invalid("cannot open a door without a reason", "say why in \"reason\": it is journaled")
	}
	if badText(r.Reason, maxReason) {
		return bank.OpenResult{}, invalid("cannot take the reason: it is longer than 200 characters or has some that cannot be printed", "shorten it")
	}
	return s.bank.Open(ctx, r.Door, r.Reason, by)
}

func (s *Server) service(ctx context.Context, r ServiceRequest, by string) (none, error) {
	if err := needDoor(r.Door); err != nil {
		return none{}, err
	}
	if r.In == nil {
		return none{}, invalid("cannot tell whether the door goes in or out of service", "say \"in\": true or false")
	}
	return none{}, s.bank.SetService(ctx, r.Door, *r.In, by)
}

func (s *Server) setStock(ctx context.Context, r stockBody, by string) (none, error) {
	if err := needDoor(r.Door); err != nil {
		return none{}, err
	}
	if !r.Item.given {
		return none{}, invalid("cannot tell what lies behind the door", "give \"item\"; null clears the door")
	}
	return none{}, s.bank.SetStock(ctx, r.Door, r.Item.item, by)
}

func (s *Server) audit(ctx context.Context, r auditBody, by string) (none, error) {
	if err := needDoor(r.Door); err != nil {
		return none{}, err
	}
	if !r.Expected.given || !r.Found.given {
		return none{}, invalid("cannot tell what was expected and found behind the door", "give \"expected\" and \"found\"; null is an empty door")
	}
	a := bank.Audited{Audit: r.Audit, Door: r.Door, Expected: r.Expected.item, Found: r.Found.item, From: r.From}
	return none{}, s.bank.Audit(ctx, a, by)
}

func (s *Server) endAudit(ctx context.Context, r bank.AuditEnd, by string) (none, error) {
	return none{}, s.bank.EndAudit(ctx, r, by)
}

func (s *Server) resetClock(ctx context.Context, _ none, by string) (bank.ClockStatus, error) {
	return s.bank.ResetClock(ctx, by)
}

func (s *Server) revoke(ctx context.Context, r RevokeRequest, by string) (none, error) {
	if !locker.ValidCodeID(r.ID) {
		return none{}, invalid("cannot revoke a code by this id", "an id is 1-64 of A-Z a-z 0-9 . _ -, as in the list of codes")
	}
	return none{}, s.bank.RevokeCode(ctx, r.ID, by)
}

// get routes a reading without arguments.
func get[T any](s *Server, path string, limit time.Duration, do func(context.Context) (T, error)) {
	s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		if _, err := query(r); err != nil {
			s.refuse(w, r, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		v, err := do(ctx)
		s.reply(w, r, v, s.late(ctx, err, limit))
	})
}

// post routes an action: body in, result out, journaled with by.
func post[B, T any](s *Server, path string, limit time.Duration, do func(context.Context, B, string) (T, error)) {
	s.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		var body B
		by, err := s.action(w, r, &body)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		v, err := do(ctx, body, by)
		s.logAction(r, by, err)
		s.reply(w, r, v, s.late(ctx, err, limit))
	})
}
