package action

import (
	"fmt"
	"strings"
)

// notion is Notion's API (developers.notion.com/reference). An id stands with and without hyphens and in any case.
func notion() *Service {
	return &Service{
		Base:    "https://api.notion.com",
		Refusal: RefusalNotion,
		Hosts: []Host{{Pattern: mustHost("api.notion.com"), Slots: []Slot{{Bearer, ""}}, Routes: mustRoutes(notionRoutes), Canon: canonNotion, Refine: refineNotion,
			Refined: mustRoutes(`
				write PATCH /v1/pages/{page}          delete_block pages/update -> page:{page}
				write PATCH /v1/blocks/{page}         delete_block blocks/update -> page:{page}
				write PATCH /v1/databases/{database}  delete_block databases/update -> database:{database}
				write PATCH /v1/data_sources/{source} delete_block data-sources/update -> data_source:{source}`)}},
	}
}

// A block's children may be pages; a page is a block of the same id, so that both are named "page".
const notionRoutes = `
write POST   /v1/pages                                    create_page        pages/create
read  GET    /v1/pages/{page}                             read_page          pages/retrieve -> page:{page}
write PATCH  /v1/pages/{page}                             update_page        pages/update -> page:{page}
read  GET    /v1/pages/{page}/properties/{property}       read_page          pages/retrieve-property -> page:{page}
admin POST   /v1/pages/{page}/move                        move_page          pages/move -> page:{page}
read  GET    /v1/blocks/{page}                            read_page          blocks/retrieve -> page:{page}
write PATCH  /v1/blocks/{page}                            update_page        blocks/update -> page:{page}
write DELETE /v1/blocks/{page}                            delete_block       blocks/delete -> page:{page}
read  GET    /v1/blocks/{page}/children                   read_page          blocks/children/list -> page:{page}
write PATCH  /v1/blocks/{page}/children                   append_blocks      blocks/children/append -> page:{page}
write POST   /v1/databases                                create_database    databases/create
read  GET    /v1/databases/{database}                     read_database      databases/retrieve -> database:{database}
write PATCH  /v1/databases/{database}                     update_database    databases/update -> database:{database}
read  POST   /v1/databases/{database}/query               query_database     databases/query -> database:{database}
write POST   /v1/data_sources                             create_database    data-sources/create
read  GET    /v1/data_sources/{source}                    read_database      data-sources/retrieve -> data_source:{source}
write PATCH  /v1/data_sources/{source}                    update_database    data-sources/update -> data_source:{source}
read  POST   /v1/data_sources/{source}/query              query_database     data-sources/query -> data_source:{source}
read  GET    /v1/comments                                 read_comments      comments/list
write POST   /v1/comments                                 add_comment        comments/create
read  GET    /v1/comments/{comment}                       read_comments      comments/retrieve
read  POST   /v1/search                                   search             search
read  GET    /v1/users                                    list_users         users/list
read  GET    /v1/users/me                                 -                  users/me
read  GET    /v1/users/{user}                             list_users         users/retrieve
write POST   /v1/file_uploads                             upload_file        file-uploads/create
write POST   /v1/file_uploads/{upload}/send               upload_file        file-uploads/send
write POST   /v1/file_uploads/{upload}/complete           upload_file        file-uploads/complete
read  GET    /v1/file_uploads                             -                  file-uploads/list
read  GET    /v1/file_uploads/{upload}                    -                  file-uploads/retrieve
`

// refineNotion tells an update that puts what it is about into the trash, or empties it. What Notion takes a value that is no
// truth for is not known.
func refineNotion(r *Request, m *Match) {
	switch m.Actions[0].Name {
	case "update_page", "update_database":
	default:
		return
	}
	body, err := jsonObject(r, "archived", "in_trash", "erase_content")
	if err != nil {
		m.deny(err.Error())
		return
	}
	for _, field := range [...]string{"archived", "in_trash", "erase_content"} {
		if v, given := body[field]; given && v != false && !m.has("delete_block") {
			m.also("delete_block")
		}
	}
}

// canonNotion gives an id in its 32 digits.
func canonNotion(_, value string) (string, error) {
	id := strings.ToLower(strings.ReplaceAll(value, "-", ""))
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q is no id that Notion gives", clip(value))
	}
	return id, nil
}
