package proxy

import (
	"net/http"
	"time"
)

// stage is one step of the pipeline. A request passes the stages from top to bottom, its response from bottom to top; a
// request half that refuses ends the exchange, and nothing has left for the upstream before the last one has passed. (What
// passes them on a condition, and leaves without its end until that is met, is the business of push.)
type stage struct {
	name     string
	request  func(*Exchange) *Refusal
	response func(*Exchange, *http.Response) *Refusal
}

// pipeline is the one path for CONNECT, absolute-form, gateway, HTTP/1.1, HTTP/2 and WebSocket alike.
func (p *Proxy) pipeline() []stage {
	return []stage{
		{"identify", p.identify, nil},    // authority -> service; request -> actions and resources
		{"decide", p.decide, p.keep},     // allow or deny, and by which rule; fields of the answer for the record
		{"limit", p.limit, nil},          // the counters of that rule
		{"inject", p.inject, p.scrub},    // the credential goes on; the same values come off the response
		{"record", p.record, p.received}, // on record before it leaves
	}
}

func (p *Proxy) runRequest(ex *Exchange) *Refusal {
	last := time.Now()
	for _, s := range p.stages {
		f := s.request(ex)
		now := time.Now()
		ex.Stages = append(ex.Stages, StageTime{s.name, now.Sub(last)})
		last = now
		if f != nil {
			return f
		}
	}
	return nil
}

func (p *Proxy) runResponse(ex *Exchange, r *http.Response) *Refusal {
	for i := len(p.stages) - 1; i >= 0; i-- {
		if s := p.stages[i]; s.response != nil {
			if f := s.response(ex, r); f != nil {
				return f
			}
		}
	}
	return nil
}
