package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// heldElsewhere are the conversations of the sheets that no table has, by who holds
// them: those that take several rounds, and what no client can see.
var heldElsewhere = map[string]string{
	"anthropic 7": "TestLibraries in .", "anthropic 8": "TestLibraries in .", "anthropic 9": "TestLibraries in .",
	"anthropic 20": "TestConversationsGrow in .",
	"bedrock 2":    "TestLibraries in .",
	"bedrock 19":   "TestTokenIsRenewed in ../../router/credential",
	"gemini 3":     "TestGeminiThinksOn in .",
	"openai 15":    "TestSheetsBesideChats in .", "openai 16": "TestSheetsBesideChats in .", "openai 18": "TestSheetsBesideChats in .",
}

// What is known of the vendors names twenty conversations each that are worth
// testing, and every one of them is held by its name.
func TestEveryConversationIsHeld(t *testing.T) {
	held := map[string]bool{}
	number := regexp.MustCompile(`^[a-z]+ \d+`)
	for _, c := range allConversations() {
		held[number.FindString(c.name)] = true
	}
	for _, one := range sheetTasks {
		held[number.FindString(one.name)] = true
	}
	for name, by := range heldElsewhere {
		test, dir, _ := strings.Cut(by, " in ")
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err != nil {
				t.Fatal(err)
			} else if strings.Contains(string(text), "func "+test+"(t *testing.T)") {
				held[name] = true
			}
		}
	}
	for _, sheet := range []string{"openai", "anthropic", "bedrock", "gemini", "cohere"} {
		for n := 1; n <= 20; n++ {
			if name := fmt.Sprintf("%s %d", sheet, n); !held[name] {
				t.Errorf("nobody holds %s", name)
			}
		}
	}
}
