package klingsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// deduction is one succeeded task in an account's book.
type deduction struct {
	task  *task
	at    time.Time
	after int64 // thousandths of a unit that the account has spent with it
}

// unlimited is what the pack of an account without PackUnits is said to hold.
const unlimited = 1e6

func (a *Account) bought() float64 {
	if a.PackUnits == 0 {
		return unlimited
	}
	return a.PackUnits
}

func (a *Account) packName() string { return "Simulated-Video-" + a.Name }

// pack is an item of resource_pack_subscribe_infos.
type pack struct {
	Name      string  `json:"resource_pack_name"`
	ID        string  `json:"resource_pack_id"`
	Type      string  `json:"resource_pack_type"`
	Total     float64 `json:"total_quantity"`
	Remaining float64 `json:"remaining_quantity"`
	Purchased int64   `json:"purchase_time"`
	Effective int64   `json:"effective_time"`
	Invalid   int64   `json:"invalid_time"`
	Status    string  `json:"status"`
}

// costs is GET /account/costs: the packs of an account, wrapped twice, once a
// second. Kling's figures lag behind by hours; these do not.
func (s *Sim) costs(c *call) answer {
	query := c.r.URL.Query()
	start, err1 := strconv.ParseInt(query.Get("start_time"), 10, 64)
	end, err2 := strconv.ParseInt(query.Get("end_time"), 10, 64)
	if err1 != nil || err2 != nil || start < 0 || end < start {
		return badValue("start_time and end_time must be times in milliseconds, in this order").answer()
	}
	s.mu.Lock()
	s.advance(c.now)
	a := c.holder.account
	if !a.costsAt.IsZero() && c.now.Sub(a.costsAt) < time.Second {
		s.mu.Unlock()
		return refuse(http.StatusTooManyRequests, 1302, "Too many requests").answer()
	}
	a.costsAt = c.now
	spent, born, conf := a.spent, a.bornAt, a.conf.Load()
	s.mu.Unlock()

	packs := []pack{}
	if name := query.Get("resource_pack_name"); conf.Currency == "" && (name == "" || name == conf.packName()) {
		p := pack{
			Name: conf.packName(), ID: conf.packName(), Type: "decreasing_total",
			Total: conf.bought(), Remaining: max(0, conf.bought()-float64(spent)/1000),
			Purchased: born.UnixMilli(), Effective: born.UnixMilli(), Invalid: born.AddDate(0, 6, 0).UnixMilli(),
			Status: "online",
		}
		if p.Remaining == 0 {
			p.Status = "runOut"
		}
		packs = append(packs, p)
	}
	return succeedWith(map[string]any{"code": 0, "msg": "success", "resource_pack_subscribe_infos": packs})
}

func succeedWith(data any) answer {
	raw, err := json.Marshal(data)
	if err != nil {
		return refuse(http.StatusInternalServerError, 5000, "Internal error").answer()
	}
	return succeed(func(b []byte) []byte { return append(b, raw...) })
}

// billed is a row of a billing export.
type billed struct {
	TaskID          string `json:"task_id"`
	APIKeyName      string `json:"api_key_name"`
	ProductFunction string `json:"product_function"`
	ModelName       string `json:"model_name"`
	Resolution      string `json:"resolution"`
	Duration        string `json:"duration"`
	ReferVideoInput bool   `json:"refer_video_input"`
	VideoSound      string `json:"video_sound"`
	VoiceControl    bool   `json:"voice_control"`
	DeductionTime   string `json:"deduction_time"`
	Amount          string `json:"deduction_amount"`

	// Of cash.
	ListPrice     string `json:"list_price,omitempty"`
	Currency      string `json:"currency,omitempty"`
	BalanceBefore string `json:"balance_before_deduction,omitempty"`
	BalanceAfter  string `json:"balance_after_deduction,omitempty"`
	// Of packs.
	PackageName string `json:"package_name,omitempty"`
	PackageID   string `json:"package_id,omitempty"`
	UnitBefore  string `json:"unit_before_deduction,omitempty"`
	UnitAfter   string `json:"unit_after_deduction,omitempty"`
}

// balanceBilling is POST /account/billing/balance: what post-paid tasks cost.
func (s *Sim) balanceBilling(c *call) answer {
	return s.billing(c, true, "api_key_name")
}

// packageBilling is POST /account/billing/package: what came out of packs.
func (s *Sim) packageBilling(c *call) answer {
	return s.billing(c, false, "api_key_name", "product_type", "package_name", "package_id")
}

func (s *Sim) billing(c *call, inCash bool, filters ...string) answer {
	p, refused := c.pageRequest(maxPage, false, filters...)
	if refused == nil && (p.Start == 0 || p.End == 0 || p.End < p.Start) {
		refused = badValue("start_time and end_time must be times in milliseconds, in this order")
	}
	if refused == nil && p.Filters["package_name"] != nil && p.Filters["package_id"] != nil {
		refused = badValue("package_name and package_id can not be used together")
	}
	if refused != nil {
		return refused.answer()
	}
	rows, more := []billed{}, false
	a := c.holder.account
	conf := a.conf.Load()
	s.mu.Lock()
	s.advance(c.now)
	if inCash == (conf.Currency != "") && p.passes("product_type", "video") &&
		p.passes("package_name", conf.packName()) && p.passes("package_id", conf.packName()) {
		for _, d := range slices.Backward(a.deductions) {
			at := d.at.UnixMilli()
			if at < p.Start || at > p.End || !p.passes("api_key_name", d.task.keyName) ||
				p.Before != 0 && uint64(d.after) >= p.Before { // the sum spent grows from row to row
				continue
			}
			if len(rows) == p.Limit {
				more = true
				break
			}
			rows = append(rows, d.row(conf))
			p.Before = uint64(d.after)
		}
	}
	s.mu.Unlock()
	next := ""
	if more {
		next = p.cursor()
	}
	return succeedWith(map[string]any{
		"result":      map[string]any{"detail": rows, "count": len(rows)},
		"next_cursor": next, "has_more": more,
	})
}

func (d deduction) row(conf *Account) billed {
	t := d.task
	r := billed{
		TaskID: t.id, APIKeyName: t.keyName, ProductFunction: t.function(), ModelName: t.model,
		Resolution: t.resolution(), Duration: strconv.Itoa(t.seconds),
		ReferVideoInput: t.video, VideoSound: "off", VoiceControl: t.voice,
		DeductionTime: strconv.FormatInt(d.at.UnixMilli(), 10),
	}
	if t.audio {
		r.VideoSound = "native"
	}
	left := int64(conf.bought()*1000) - d.after
	if conf.Currency != "" {
		r.Amount = decimal(cash(t.units, conf.Currency))
		r.ListPrice, r.Currency = r.Amount, conf.Currency
		r.BalanceBefore = decimal(cash(left+t.units, conf.Currency))
		r.BalanceAfter = decimal(cash(left, conf.Currency))
		return r
	}
	r.Amount = decimal(t.units * 1000)
	r.PackageName, r.PackageID = conf.packName(), conf.packName()
	r.UnitBefore, r.UnitAfter = decimal((left+t.units)*1000), decimal(left*1000)
	return r
}

// resolution is the mode as the exports say it.
func (o order) resolution() string {
	switch o.mode {
	case "std":
		return "720p"
	case "pro":
		return "1080p"
	}
	return o.mode
}

// function is the product without its path.
func (o order) function() string {
	switch o.product {
	case "/v1/videos/text2video":
		return "text-to-video"
	case "/v1/videos/image2video":
		return "image-to-video"
	case "/v1/videos/multi-image2video":
		return "multi-image-to-video"
	case "/v1/videos/omni-video":
		return "omni-video"
	}
	if o.aspect == "" {
		return "image-to-video"
	}
	return "text-to-video"
}
