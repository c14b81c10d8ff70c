package console

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/money"
)

// About is what this gateway is.
type About struct {
	Version      string        `json:"version"`
	QuotaPerUnit money.Quota   `json:"quota_per_unit" doc:"Quota of 1 USD."`
	StartedAt    time.Time     `json:"started_at" doc:"Of the node that answers."`
	Now          time.Time     `json:"now" doc:"The gateway's clock."`
	Recovering   bool          `json:"recovering" doc:"No orders are taken until it is known what happened since the backup."`
	Notice       string        `json:"notice,omitempty" doc:"From the settings."`
	Details      *AboutDetails `json:"details,omitempty" doc:"For administrators."`
}

// AboutDetails is what an operator asks about an installation.
type AboutDetails struct {
	GoVersion     string        `json:"go_version"`
	System        string        `json:"system" example:"linux/amd64"`
	Database      AboutDatabase `json:"database"`
	Redis         string        `json:"redis" enum:"none,connected,away" doc:"away: it is configured and does not answer; nothing but speed is lost."`
	ServerAddress string        `json:"server_address,omitempty" doc:"SERVER_ADDRESS. Without it upstreams cannot call back and are only asked."`
	Reachable     bool          `json:"server_address_public" doc:"It is not an address of this machine or of a private network."`
	Nodes         int           `json:"nodes" doc:"Up now, this one among them."`
	ClockOffset   float64       `json:"clock_offset_seconds" doc:"By how much the database's clock is ahead of this node's."`
	OIDC          string        `json:"oidc,omitempty" doc:"The provider to sign in with."`
	MaxBodyMB     int64         `json:"max_body_mb"`
}

// AboutDatabase is where everything is kept.
type AboutDatabase struct {
	Kind      string `json:"kind" enum:"sqlite,mysql,postgres"`
	Version   string `json:"version"`
	SizeBytes int64  `json:"size_bytes,omitempty" doc:"Of SQLite."`
	FreeBytes int64  `json:"free_bytes,omitempty" doc:"Of SQLite: what is free beside it."`
}

// Verification is a comparison of the journal with every balance, hold, budget
// and task.
type Verification struct {
	CheckedAt  time.Time  `json:"checked_at"`
	Took       int64      `json:"took_ms"`
	OK         bool       `json:"ok"`
	Mismatches []Mismatch `json:"mismatches" nullable:"false"`
}

// Mismatch is something that the books say and the rows do not.
type Mismatch struct {
	Kind   string `json:"kind" example:"account"`
	ID     string `json:"id"`
	Detail string `json:"detail"`
}

func (c *Console) about() {
	tags := []string{"nodes"}
	register(c, signed, huma.Operation{OperationID: "about", Method: http.MethodGet, Path: "/api/about", Summary: "What this gateway is", Tags: tags}, c.getAbout)
	register(c, admin, huma.Operation{
		OperationID: "verify", Method: http.MethodPost, Path: "/api/verify", Summary: "Compare the books with the rows", Tags: tags,
		Description: "Adds up the journal, as one-api verify does, and changes nothing. It reads everything: one at a time on a node.",
	}, c.verify)
}

func (c *Console) getAbout(ctx context.Context, v *Viewer, _ *struct{}) (*One[About], error) {
	view := c.Directory.View()
	out := &One[About]{About{
		Version: c.Version, QuotaPerUnit: money.QuotaPerUSD, StartedAt: c.Started.UTC(), Now: c.Store.Now().UTC(), Recovering: view.Recovery.Active, Notice: view.Settings.Notice,
	}}
	if !v.IsAdmin() {
		return out, nil
	}
	db, err := c.Store.About(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := c.Store.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	d := &AboutDetails{
		GoVersion: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Redis: "none",
		Database:      AboutDatabase{Kind: string(db.Database), Version: db.Version, SizeBytes: db.Size, FreeBytes: db.Free},
		ServerAddress: c.ServerAddress, Reachable: public(c.ServerAddress), ClockOffset: c.Store.ClockOffset().Seconds(), MaxBodyMB: c.maxBody() >> 20,
	}
	for _, n := range nodes {
		if !n.Draining && c.Store.Now().Sub(n.SeenAt) <= silence {
			d.Nodes++
		}
	}
	if c.Redis != nil {
		d.Redis = "away"
		if c.Redis() {
			d.Redis = "connected"
		}
	}
	if c.OIDC != nil {
		d.OIDC = c.OIDC.Name
	}
	out.Body.Details = d
	return out, nil
}

// public reports whether an upstream could call an address, as far as it shows.
func public(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsGlobalUnicast() && !ip.IsPrivate()
	}
	if !strings.Contains(host, ".") {
		return false
	}
	for _, end := range []string{".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid"} {
		if strings.HasSuffix(host, end) {
			return false
		}
	}
	return true
}

func (c *Console) verify(ctx context.Context, v *Viewer, _ *struct{}) (*One[Verification], error) {
	if !c.verifies.CompareAndSwap(false, true) {
		return nil, fault.New(fault.Conflict, "The books are being verified already. Wait for it to end.").Named("verify_running")
	}
	defer c.verifies.Store(false)
	id, _ := ctx.Value(viewerKey{}).(*identity)
	_ = http.NewResponseController(id.w).SetWriteDeadline(time.Time{}) // many tasks take their time
	began := time.Now()
	found, err := c.Store.Verify(ctx)
	if err != nil {
		return nil, err
	}
	out := &One[Verification]{Verification{CheckedAt: c.Store.Now().UTC(), Took: time.Since(began).Milliseconds(), OK: len(found) == 0, Mismatches: []Mismatch{}}}
	for _, m := range found {
		out.Body.Mismatches = append(out.Body.Mismatches, Mismatch(m))
	}
	c.Log.InfoContext(ctx, "verified", "by", v.Actor.Name, "mismatches", len(found), "took", time.Since(began))
	return out, nil
}
