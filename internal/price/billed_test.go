package price

import (
	"testing"

	"one-api/internal/video"
)

func TestUpstreamDeductionsAreValuedInTheirOwnUnit(t *testing.T) {
	for _, c := range []struct {
		costs []video.Cost
		want  Bill
	}{
		{nil, Bill{}},
		{[]video.Cost{{Unit: "video_unit", Amount: "2"}}, Bill{USD: 280_000}},
		{[]video.Cost{{Unit: "video_unit", Amount: "2.4000000"}}, Bill{USD: 336_000}},
		{[]video.Cost{{Unit: "image_unit", Amount: "8"}}, Bill{USD: 28_000}},
		{[]video.Cost{{Unit: "image_unit", Amount: "0.0001"}}, Bill{USD: 1}},
		{[]video.Cost{{Unit: "USD", Amount: "0.56"}, {Unit: "video_unit", Amount: "1"}}, Bill{USD: 700_000}},
		{[]video.Cost{{Unit: "CNY", Amount: "3.5"}}, Bill{CNY: 3_500_000, Unknown: true}},
		{[]video.Cost{{Unit: "try-on_unit", Amount: "1"}}, Bill{Unknown: true}},
		{[]video.Cost{{Unit: "USD", Amount: "-1"}}, Bill{Unknown: true}},
		{[]video.Cost{{Unit: "USD", Amount: "1e9"}}, Bill{Unknown: true}},
		{[]video.Cost{{Unit: "USD", Amount: "999999999999"}}, Bill{Unknown: true}},
		{[]video.Cost{{Unit: "USD", Amount: "1/3"}}, Bill{Unknown: true}},
	} {
		if got := Billed(c.costs); got != c.want {
			t.Errorf("Billed(%v) = %+v, want %+v", c.costs, got, c.want)
		}
	}
}
