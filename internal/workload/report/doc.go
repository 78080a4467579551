// Package report shows the results of package workload: as a table and bars in
// a terminal, as JSON, and as drawings (SVG) that need nothing but a browser.
//
// Of several rounds it shows the median, and how far the others lie from it.
package report
