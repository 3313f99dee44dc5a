package action

// openai is OpenAI's API (platform.openai.com/docs/api-reference). Its clients retry a 403 for long and stop at once on
// a 400, so that is how it is refused.
func openai() *Service {
	h := Host{
		Pattern: mustHost("api.openai.com"),
		Slots:   []Slot{{Bearer, ""}},
		Routes:  mustRoutes(openaiRoutes),
		Refine:  refineModel,
		Refined: mustRoutes(`write POST /v1/responses create_response responses/create -> model:{body}`),
	}
	regional := h // eu.api.openai.com and others, for projects that have their data there ("Data residency")
	regional.Pattern = mustHost("*.api.openai.com")
	return &Service{Base: "https://api.openai.com", Hosts: []Host{h, regional}, Refusal: RefusalNested, RefuseStatus: 400}
}

// GET /v1/responses and /v1/realtime are WebSockets, whose messages name the model; Codex opens the first. What mints
// keys, or administers an organisation, is admin.
const openaiRoutes = `
write POST   /v1/responses                          create_response    responses/create
write GET    /v1/responses                          create_response    responses/connect
read  GET    /v1/responses/{id}                     get_response       responses/get
read  GET    /v1/responses/{id}/input_items         get_response       responses/input-items
write DELETE /v1/responses/{id}                     delete_response    responses/delete
write POST   /v1/responses/{id}/cancel              cancel_response    responses/cancel
write POST   /v1/responses/compact                  create_response    responses/compact
write POST   /v1/responses/input_tokens             count_tokens       responses/input-tokens
write POST   /v1/chat/completions                   chat               chat/create-completion
read  GET    /v1/chat/completions                   -                  chat/list-completions
read  GET    /v1/chat/completions/{id}              -                  chat/get-completion
write POST   /v1/completions                        complete           completions/create
write POST   /v1/embeddings                         embed              embeddings/create
write POST   /v1/moderations                        moderate           moderations/create
write POST   /v1/images/generations                 create_image       images/generate
write POST   /v1/images/edits                       create_image       images/edit
write POST   /v1/images/variations                  create_image       images/vary
write POST   /v1/audio/speech                       create_speech      audio/speech
write POST   /v1/audio/transcriptions               transcribe         audio/transcribe
write POST   /v1/audio/translations                 transcribe         audio/translate
write GET    /v1/realtime                           realtime           realtime/connect
admin POST   /v1/realtime/client_secrets            create_client_key  realtime/create-client-secret
admin POST   /v1/realtime/sessions                  create_client_key  realtime/create-session
read  GET    /v1/models                             list_models        models/list
read  GET    /v1/models/{model}                     get_model          models/get -> model:{model}
admin DELETE /v1/models/{model}                     delete_model       models/delete -> model:{model}
read  GET    /v1/files                              list_files         files/list
read  GET    /v1/files/{id}                         get_file           files/get
read  GET    /v1/files/{id}/content                 get_file           files/content
write POST   /v1/files                              upload_file        files/create
write DELETE /v1/files/{id}                         delete_file        files/delete
write POST   /v1/uploads                            upload_file        uploads/create
write POST   /v1/uploads/{id}/parts                 upload_file        uploads/add-part
write POST   /v1/uploads/{id}/complete              upload_file        uploads/complete
write POST   /v1/uploads/{id}/cancel                cancel_upload      uploads/cancel
read  GET    /v1/batches                            list_batches       batches/list
read  GET    /v1/batches/{id}                       get_batch          batches/get
write POST   /v1/batches                            create_batch       batches/create
write POST   /v1/batches/{id}/cancel                cancel_batch       batches/cancel
read  GET    /v1/conversations/{rest...}            -                  conversations/read
write POST   /v1/conversations                      create_conversation conversations/create
read  GET    /v1/vector_stores                      -                  vector-stores/list
read  GET    /v1/vector_stores/{rest...}            -                  vector-stores/read
read  GET    /v1/vector_stores/{id}/files/{file}/content -             vector-stores/file-content
write POST   /v1/vector_stores                      create_vector_store vector-stores/create
read  POST   /v1/vector_stores/{id}/search          search_vector_store vector-stores/search
write POST   /v1/vector_stores/{id}/files           add_vector_file    vector-stores/add-file
write DELETE /v1/vector_stores/{id}                 delete_vector_store vector-stores/delete
read  GET    /v1/fine_tuning/jobs                   -                  fine-tuning/list
read  GET    /v1/fine_tuning/jobs/{rest...}         -                  fine-tuning/read
write POST   /v1/fine_tuning/jobs                   create_fine_tuning fine-tuning/create
write POST   /v1/fine_tuning/jobs/{id}/cancel       cancel_fine_tuning fine-tuning/cancel
admin GET    /v1/organization/{rest...}             read_organization  organization/read
admin *      /v1/organization/{rest...}             change_organization organization/change
`
