package testbed

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// LLM is what the fake language models share: the command that they have an agent run, and what they were told.
type LLM struct {
	mu      sync.Mutex
	command string   // a shell command to ask the agent's Bash tool for, once
	told    []string // bodies of the requests
}

// Ask makes the model answer the next prompt that offers a Bash tool with a call of it.
func (l *LLM) Ask(command string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.command, l.told = command, nil
}

// Told returns the bodies of all requests since Ask.
func (l *LLM) Told() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.told, "\n")
}

// hear keeps the body and says which command, if any, the agent is to run now.
func (l *LLM) hear(body []byte, hasBash bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, string(body))
	if !hasBash {
		return ""
	}
	command := l.command
	l.command = ""
	return command
}

func openaiAPI(l *LLM) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<22))
		l.hear(body, false)
		var in struct{ Stream bool }
		json.Unmarshal(body, &in)
		if in.Stream {
			chatStream(w)
			return
		}
		answer(http.StatusOK, map[string]any{
			"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-test",
			"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": "pong"}}},
			"usage":   map[string]any{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
		})(w, r)
	})
	mux.HandleFunc("POST /v1/responses", func(w http.ResponseWriter, r *http.Request) {
		answer(http.StatusOK, map[string]any{
			"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-test",
			"output": []any{map[string]any{
				"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
				"content": []any{map[string]any{"type": "output_text", "text": "pong from responses", "annotations": []any{}}},
			}},
		})(w, r)
	})
	mux.HandleFunc("DELETE /v1/files/{id}", answer(http.StatusOK, map[string]any{"deleted": true}))
	return mux
}

func chatStream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, word := range []string{"streamed ", "pong"} {
		fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-test","choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`+"\n\n", word)
		http.NewResponseController(w).Flush()
	}
	fmt.Fprint(w, `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-test","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
}

// anthropicAPI is the Messages API: it asks an agent that has a Bash tool to run LLM's command, and ends the turn when it is told the result.
func anthropicAPI(l *LLM) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/hello", answer(http.StatusOK, map[string]any{"message": "hello"}))
	mux.HandleFunc("POST /v1/messages/count_tokens", answer(http.StatusOK, map[string]any{"input_tokens": 10}))
	mux.HandleFunc("POST /v1/messages", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<24))
		var in struct {
			Stream bool
			Tools  []struct{ Name string }
		}
		if err := json.Unmarshal(body, &in); err != nil {
			answer(http.StatusBadRequest, map[string]any{"type": "error", "error": map[string]any{"type": "invalid_request_error", "message": err.Error()}})(w, r)
			return
		}
		bash := false
		for _, tool := range in.Tools {
			bash = bash || tool.Name == "Bash"
		}
		block := map[string]any{"type": "text", "text": "All done: pong."}
		if command := l.hear(body, bash); command != "" {
			block = map[string]any{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": map[string]any{"command": command, "description": "Asks the echo service"}}
		}
		if in.Stream {
			messageStream(w, block)
			return
		}
		answer(http.StatusOK, message(block))(w, r)
	})
	mux.HandleFunc("DELETE /v1/files/{id}", answer(http.StatusOK, map[string]any{"id": "f", "type": "file_deleted"}))
	return mux
}

func message(blocks ...any) map[string]any {
	return map[string]any{
		"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test", "content": append([]any{}, blocks...),
		"stop_reason": "end_turn", "stop_sequence": nil, "usage": map[string]any{"input_tokens": 1, "output_tokens": 1},
	}
}

// messageStream sends one content block in the Messages API's server-sent events.
func messageStream(w http.ResponseWriter, block map[string]any) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(name string, v map[string]any) {
		v["type"] = name
		text, _ := json.Marshal(v)
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, text)
		http.NewResponseController(w).Flush()
	}
	start := message()
	start["stop_reason"] = nil
	event("message_start", map[string]any{"message": start})
	stop := "end_turn"
	if block["type"] == "tool_use" {
		stop = "tool_use"
		input, _ := json.Marshal(block["input"])
		event("content_block_start", map[string]any{"index": 0, "content_block": map[string]any{"type": "tool_use", "id": block["id"], "name": block["name"], "input": map[string]any{}}})
		event("content_block_delta", map[string]any{"index": 0, "delta": map[string]any{"type": "input_json_delta", "partial_json": string(input)}})
	} else {
		event("content_block_start", map[string]any{"index": 0, "content_block": map[string]any{"type": "text", "text": ""}})
		event("content_block_delta", map[string]any{"index": 0, "delta": map[string]any{"type": "text_delta", "text": block["text"]}})
	}
	event("content_block_stop", map[string]any{"index": 0})
	event("message_delta", map[string]any{"delta": map[string]any{"stop_reason": stop, "stop_sequence": nil}, "usage": map[string]any{"output_tokens": 1}})
	event("message_stop", map[string]any{})
}
