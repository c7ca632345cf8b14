package report

import (
	"authbench/report/claims"
)

// claimsPage is what published articles say, held against these runs.
type claimsPage struct {
	Problem  string // why there is none; empty otherwise
	Headline string
	About    string
	Disputes []claims.Dispute
	Articles []claimsArticle
}

// claimsArticle is the claims that were taken from one article. One that others make
// too stands with the first only.
type claimsArticle struct {
	claims.Article
	Judged, Not []claims.Finding
}

func claimsSection(v *view) any {
	list, err := claims.Judge(v.Board)
	if err != nil {
		return claimsPage{Problem: err.Error()}
	}
	articles, err := claims.Articles()
	if err != nil {
		return claimsPage{Problem: err.Error()}
	}
	page := claimsPage{Headline: claims.Headline(list), About: claims.About, Disputes: claims.Disputes(list)}
	for _, a := range articles {
		part := claimsArticle{Article: a}
		for _, f := range list {
			switch {
			case f.Claim.Articles[0] != a.Name:
			case f.Status == claims.NotMeasured:
				part.Not = append(part.Not, f)
			default:
				part.Judged = append(part.Judged, f)
			}
		}
		page.Articles = append(page.Articles, part)
	}
	return page
}
