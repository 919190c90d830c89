#include "demo/tables.h"

enum { WWW, BLOG, CDAP, COOPR };
enum { P_CDAP, P_COOPR, P_TIGON, P_TEPHRA };

const struct demo_site demo_sites[DEMO_SITES] = {
    {"www.cask.co",
     "America/Los_Angeles",
     0.30,
     1.5,
     {1, 0.02, 0.01, 0.50, 0.50, 0.020},
     false,
     true},
    {"blog.cask.co", "America/Los_Angeles", 0.20, 1.8, {1, 0, 0, 0, 0, 0}, true, true},
    {"cdap.io", "UTC", 0.38, 2.1, {1, 0.14, 0.20, 0.45, 0.40, 0.015}, false, true},
    {"coopr.io", "Europe/Berlin", 0.12, 0.8, {1, 0.12, 0.16, 0.70, 0.80, 0.030}, false, false},
};

const struct demo_page demo_pages[] = {
    /* site, path, popular, {search, direct, link}, section, published, flags */
    {WWW, "/", 14, {24, 60, 30}, 0, 0, 0},
    {WWW, "/products/", 9, {5, 2, 2}, 1, 0, 0},
    {WWW, "/products/cdap/", 12, {14, 4, 12}, 1, 0, 0},
    {WWW, "/products/coopr/", 4, {3, 1, 2}, 1, 0, 0},
    {WWW, "/products/tigon/", 2, {2, 0.3, 1}, 1, 0, 0},
    {WWW, "/products/tephra/", 2, {3, 0.3, 1}, 1, 0, 0},
    {WWW, "/solutions/", 6, {3, 1, 1}, 2, 0, 0},
    {WWW, "/solutions/data-lakes/", 5, {6, 0.5, 2}, 2, 0, 0},
    {WWW, "/solutions/etl-offload/", 4, {5, 0.4, 1}, 2, 0, 0},
    {WWW, "/solutions/customer-360/", 3, {3, 0.3, 1}, 2, 0, 0},
    {WWW, "/customers/", 6, {2, 0.8, 1}, 3, 0, 0},
    {WWW, "/company/", 5, {4, 1.5, 1}, 3, 0, 0},
    {WWW, "/company/careers/", 6, {7, 3, 4}, 3, 0, 0},
    {WWW, "/company/team/", 3, {3, 0.6, 0.5}, 3, 0, 0},
    {WWW, "/company/contact/", 4, {2, 0.8, 0.5}, 3, 0, PAGE_FORM},
    {WWW, "/news/", 3, {1, 0.6, 1}, 3, 0, 0},
    {WWW, "/resources/", 6, {4, 1, 2}, 4, 0, PAGE_FORM},
    {WWW, "/resources/webinars/", 4, {2, 0.6, 3}, 4, 0, PAGE_FORM},
    {WWW, "/resources/white-papers/", 4, {3, 0.4, 2}, 4, 0, PAGE_DOWNLOADS},
    {WWW, "/get-cdap/", 8, {4, 3, 5}, 1, 0, PAGE_FORM},
    {WWW, "/community/", 4, {1, 1, 2}, 5, 0, 0},
    {WWW, "/privacy/", 1, {0.1, 0.1, 0}, 5, 0, 0},
    {BLOG, "/", 16, {6, 45, 10}, 0, 0, 0},
    {BLOG, "/category/engineering/", 5, {2, 2, 1}, 0, 0, 0},
    {BLOG, "/category/releases/", 4, {1, 1, 1}, 0, 0, 0},
    {BLOG, "/about/", 2, {0.5, 0.5, 0.2}, 0, 0, 0},
    {BLOG, "/what-is-a-data-lake/", 6, {22, 1, 6}, 1, 900, 0},
    {BLOG, "/transactions-over-hbase-with-tephra/", 5, {12, 1, 5}, 1, 800, 0},
    {BLOG, "/mapreduce-to-spark-lessons/", 4, {10, 1, 4}, 1, 600, 0},
    {BLOG, "/change-data-capture-in-practice/", 6, {10, 2, 14}, 1, 371, 0},
    {BLOG, "/cdap-6-8-1-released/", 5, {3, 2, 8}, 2, 340, 0},
    {BLOG, "/testing-pipelines-before-production/", 5, {8, 2, 10}, 1, 316, 0},
    {BLOG, "/tephra-0-15-0/", 3, {2, 1, 5}, 2, 285, 0},
    {BLOG, "/cdap-6-9-0-released/", 7, {4, 3, 14}, 2, 255, 0},
    {BLOG, "/why-we-rewrote-our-scheduler/", 9, {7, 3, 40}, 1, 222, 0},
    {BLOG, "/coopr-0-9-9/", 3, {2, 1, 6}, 2, 210, 0},
    {BLOG, "/cost-of-small-files/", 6, {9, 2, 12}, 1, 181, 0},
    {BLOG, "/streaming-with-tigon-0-2-1/", 3, {2, 1, 6}, 2, 150, 0},
    {BLOG, "/cdap-6-10-0-released/", 8, {4, 3, 16}, 2, 118, 0},
    {BLOG, "/asking-questions-of-your-lineage/", 6, {6, 2, 12}, 1, 93, 0},
    {BLOG, "/coopr-0-10-0/", 4, {2, 2, 9}, 2, 72, 0},
    {BLOG, "/exactly-once-is-a-property-of-the-sink/", 10, {6, 4, 45}, 1, 50, 0},
    {BLOG, "/tephra-0-16-0/", 3, {1, 1, 6}, 2, 45, 0},
    {BLOG, "/pipelines-in-plain-words/", 6, {4, 3, 14}, 1, 29, 0},
    {BLOG, "/cdap-6-11-0-released/", 9, {4, 5, 22}, 2, 17, 0},
    {BLOG, "/what-we-learned-from-our-users/", 6, {2, 4, 12}, 1, 6, 0},
    {CDAP, "/", 12, {18, 50, 24}, 0, 0, 0},
    {CDAP, "/downloads/", 9, {8, 10, 10}, 1, 0, PAGE_DOWNLOADS},
    {CDAP, "/get-started/", 10, {8, 5, 8}, 1, 0, 0},
    {CDAP, "/docs/", 12, {10, 14, 6}, 2, 0, 0},
    {CDAP, "/docs/introduction/", 8, {8, 2, 4}, 2, 0, 0},
    {CDAP, "/docs/quickstart/", 10, {12, 3, 8}, 2, 0, 0},
    {CDAP, "/docs/user-guide/pipelines/", 9, {12, 2, 5}, 2, 0, 0},
    {CDAP, "/docs/user-guide/wrangler/", 7, {9, 1, 3}, 2, 0, 0},
    {CDAP, "/docs/user-guide/plugins/", 6, {8, 1, 3}, 2, 0, 0},
    {CDAP, "/docs/developer-guide/", 5, {5, 1, 2}, 3, 0, 0},
    {CDAP, "/docs/developer-guide/datasets/", 4, {6, 0.6, 2}, 3, 0, 0},
    {CDAP, "/docs/developer-guide/services/", 3, {4, 0.4, 1}, 3, 0, 0},
    {CDAP, "/docs/developer-guide/testing/", 3, {4, 0.4, 1}, 3, 0, 0},
    {CDAP, "/docs/reference/http-api/", 6, {10, 2, 3}, 4, 0, 0},
    {CDAP, "/docs/reference/cli/", 4, {6, 1, 1}, 4, 0, 0},
    {CDAP, "/docs/reference/javadoc/", 3, {5, 0.6, 1}, 4, 0, 0},
    {CDAP, "/docs/admin/installation/", 6, {9, 1, 3}, 5, 0, 0},
    {CDAP, "/docs/admin/configuration/", 4, {7, 1, 1}, 5, 0, 0},
    {CDAP, "/docs/admin/upgrading/", 3, {4, 1, 2}, 5, 0, 0},
    {CDAP, "/docs/faq/", 3, {6, 0.5, 1}, 2, 0, 0},
    {CDAP, "/docs/release-notes/", 4, {3, 2, 5}, 1, 0, 0},
    {CDAP, "/guides/", 5, {3, 1, 3}, 6, 0, 0},
    {CDAP, "/guides/etl-in-ten-minutes/", 4, {6, 0.5, 4}, 6, 0, 0},
    {CDAP, "/guides/kafka-ingestion/", 4, {7, 0.5, 3}, 6, 0, 0},
    {CDAP, "/community/", 4, {1, 2, 3}, 7, 0, 0},
    {CDAP, "/tigon/", 2, {3, 0.5, 2}, 7, 0, 0},
    {CDAP, "/tephra/", 2, {4, 0.6, 3}, 7, 0, 0},
    {CDAP, "/search?q=kafka", 1.5, {0, 0, 0}, 2, 0, 0},
    {CDAP, "/search?q=spark+plugin", 1, {0, 0, 0}, 2, 0, 0},
    {COOPR, "/", 12, {30, 50, 30}, 0, 0, 0},
    {COOPR, "/downloads/", 8, {9, 8, 10}, 1, 0, PAGE_DOWNLOADS},
    {COOPR, "/docs/", 8, {12, 8, 5}, 2, 0, 0},
    {COOPR, "/docs/installation/", 7, {14, 2, 4}, 2, 0, 0},
    {COOPR, "/docs/quickstart/", 7, {12, 2, 4}, 2, 0, 0},
    {COOPR, "/docs/provisioners/", 4, {8, 1, 2}, 2, 0, 0},
    {COOPR, "/docs/rest-api/", 3, {7, 1, 1}, 2, 0, 0},
    {COOPR, "/docs/security/", 2, {3, 0.3, 1}, 2, 0, 0},
    {COOPR, "/features/", 4, {3, 1, 2}, 0, 0, 0},
    {COOPR, "/community/", 2, {1, 1, 2}, 0, 0, 0},
};
const size_t demo_n_pages = ARRAY_LEN(demo_pages);

const struct demo_source demo_sources[] = {
    {"", NULL, 26, 1, 0.62, ENTRY_DIRECT},
    {"https://www.google.com/", NULL, 36, 0.85, 0.55, ENTRY_SEARCH},
    {"https://www.google.de/", NULL, 1.5, 0.9, 0.55, ENTRY_SEARCH},
    {"https://www.google.co.in/", NULL, 2, 1, 0.55, ENTRY_SEARCH},
    {"https://www.bing.com/", NULL, 4.2, 1.1, 0.53, ENTRY_SEARCH},
    {"https://duckduckgo.com/", NULL, 2.8, 1.1, 0.55, ENTRY_SEARCH},
    {"https://www.baidu.com/link?url=kT3v", NULL, 1.3, 1, 0.4, ENTRY_SEARCH},
    {"https://yandex.com/", NULL, 0.8, 0.9, 0.45, ENTRY_SEARCH},
    {"https://github.com/caskdata/cdap", NULL, 4.5, 1.2, 0.68, ENTRY_LINK},
    {"https://github.com/caskdata/coopr", NULL, 0.9, 0.8, 0.66, ENTRY_LINK},
    {"https://github.com/caskdata/tephra", NULL, 0.8, 1, 0.6, ENTRY_LINK},
    {"https://stackoverflow.com/", NULL, 2.6, 0.6, 0.5, ENTRY_LINK},
    {"https://en.wikipedia.org/", NULL, 0.5, 1, 0.6, ENTRY_LINK},
    {"https://medium.com/", NULL, 0.9, 1, 0.5, ENTRY_LINK},
    {"https://dzone.com/articles/open-source-data-integration", NULL, 0.6, 0.8, 0.5, ENTRY_LINK},
    {"https://www.cask.co/", NULL, 2.2, 1, 0.7, ENTRY_LINK},
    {"https://blog.cask.co/", NULL, 1.6, 1.2, 0.66, ENTRY_LINK},
    {"https://cdap.io/docs/", NULL, 1.8, 1.3, 0.68, ENTRY_LINK},
    {"https://coopr.io/", NULL, 0.4, 0.8, 0.6, ENTRY_LINK},
    {"https://www.linkedin.com/", NULL, 2.2, 1.3, 0.45, ENTRY_LINK},
    {"https://t.co/Xw3kPz0aQe", NULL, 1.2, 0.6, 0.35, ENTRY_LINK},
    {"https://www.reddit.com/", NULL, 1.3, 1.2, 0.42, ENTRY_LINK},
    {"https://news.ycombinator.com/", NULL, 1.2, 1.1, 0.36, ENTRY_LINK},
    {"https://www.facebook.com/", NULL, 0.6, 0.8, 0.35, ENTRY_LINK},
    {"https://www.youtube.com/", NULL, 0.7, 1.1, 0.5, ENTRY_LINK},
    {"https://mail.google.com/", NULL, 0.8, 1, 0.6, ENTRY_LINK},
    {"https://outlook.live.com/", NULL, 0.5, 1, 0.6, ENTRY_LINK},
    {"https://chatgpt.com/", "utm_source=chatgpt.com", 2.6, 4, 0.6, ENTRY_SEARCH},
    {"https://www.perplexity.ai/", NULL, 0.9, 3, 0.6, ENTRY_SEARCH},
    {"https://claude.ai/", NULL, 0.8, 5, 0.62, ENTRY_SEARCH},
    {"https://gemini.google.com/", NULL, 0.6, 4, 0.58, ENTRY_SEARCH},
    {"https://copilot.microsoft.com/", NULL, 0.5, 2.5, 0.58, ENTRY_SEARCH},
};
const size_t demo_n_sources = ARRAY_LEN(demo_sources);

const struct demo_campaign demo_campaigns[] = {
    {WWW, "linkedin", "cpc", "data-lakes-spring", "/solutions/data-lakes/", 352, 18, 0.5},
    {WWW, "google", "cpc", "cdap-brand", "/products/cdap/", 300, 30, 0.3},
    {CDAP, "google", "cpc", "open-source-etl", "/get-started/", 240, 25, 0.35},
    {WWW, "strataconf", "event", "strata-talk", "/resources/webinars/", 205, 3, 1.6},
    {BLOG, "hackernewsletter", "email", "issue-612", "/why-we-rewrote-our-scheduler/", 220, 2, 2.5},
    {WWW, "partner-newsletter", "email", "etl-offload", "/solutions/etl-offload/", 160, 4, 0.9},
    {COOPR, "devopsweekly", "email", "coopr-0-10", "/", 71, 3, 1.8},
    {CDAP, "linkedin", "paid_social", "cdap-6-10", "/downloads/", 116, 12, 0.5},
    {WWW, "google", "cpc", "cdap-brand", "/products/cdap/", 90, 40, 0.3},
    {BLOG, "x", "social", "exactly-once", "/exactly-once-is-a-property-of-the-sink/", 49, 2.5, 2.2},
    {WWW, "linkedin", "cpc", "webinar-lineage", "/resources/webinars/", 34, 8, 0.8},
    {CDAP, "google", "cpc", "open-source-etl", "/get-started/", 25, 20, 0.35},
    {WWW, "strataconf", "event", "strata-booth", "/get-cdap/", 10, 3, 1.2},
};
const size_t demo_n_campaigns = ARRAY_LEN(demo_campaigns);

const struct demo_product demo_products[DEMO_PRODUCTS] = {
    {"CDAP", CDAP, 0.78}, {"Coopr", COOPR, 1}, {"Tigon", CDAP, 0.07}, {"Tephra", CDAP, 0.15}};

/* Of one day, at most a few: %s is the version. */
const struct demo_file demo_files[] = {
    /* product, path, bytes, {windows, mac, linux}, programs */
    {P_CDAP, "/downloads/cdap/%s/cdap-sandbox-%s.zip", 421347210, {10, 10, 5}, 2},
    {P_CDAP, "/downloads/cdap/%s/cdap-master_%s-1_all.deb", 312008112, {0.3, 0.2, 3}, 5},
    {P_CDAP, "/downloads/cdap/%s/cdap-master-%s-1.noarch.rpm", 311870004, {0.3, 0.2, 2}, 4},
    {P_CDAP, "/downloads/cdap/%s/cdap-gateway_%s-1_all.deb", 48020332, {0, 0, 0.8}, 3},
    {P_CDAP, "/downloads/cdap/%s/cdap-ui-%s-1.noarch.rpm", 39870228, {0, 0, 0.5}, 2.5},
    {P_COOPR, "/downloads/coopr/%s/coopr-standalone-%s.zip", 187204488, {10, 10, 6}, 2},
    {P_COOPR, "/downloads/coopr/%s/coopr-server_%s-1_all.deb", 98402120, {0.2, 0.2, 3}, 4},
    {P_COOPR, "/downloads/coopr/%s/coopr-server-%s-1.noarch.rpm", 97811904, {0.2, 0.2, 2}, 3},
    {P_TIGON, "/downloads/tigon/%s/tigon-sdk-%s.zip", 88120344, {10, 10, 10}, 5},
    {P_TEPHRA, "/downloads/tephra/%s/tephra-%s.zip", 22810208, {6, 6, 6}, 4},
    {P_TEPHRA, "/downloads/tephra/%s/tephra-core-%s.jar", 812044, {1, 1, 2}, 12},
};
const size_t demo_n_files = ARRAY_LEN(demo_files);

const struct demo_release demo_releases[] = {
    {P_CDAP, "6.7.2", 620, 0},      {P_CDAP, "6.8.0", 432, 0.3},   {P_CDAP, "6.8.1", 340, 0.2},
    {P_CDAP, "6.9.0", 255, 0.5},    {P_CDAP, "6.9.1", 190, 0.15},  {P_CDAP, "6.10.0", 118, 0.6},
    {P_CDAP, "6.10.1", 60, 0.15},   {P_CDAP, "6.11.0", 17, 0.7},   {P_COOPR, "0.9.7", 900, 0},
    {P_COOPR, "0.9.8", 600, 0},     {P_COOPR, "0.9.9", 210, 0.4},  {P_COOPR, "0.10.0", 72, 0.8},
    {P_TIGON, "0.2.0", 700, 0},     {P_TIGON, "0.2.1", 150, 0.05}, {P_TEPHRA, "0.14.0", 500, 0},
    {P_TEPHRA, "0.15.0", 285, 0.1}, {P_TEPHRA, "0.16.0", 45, 0.1},
};
const size_t demo_n_releases = ARRAY_LEN(demo_releases);

#define WINDOWS "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
#define MAC "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7"
#define LINUX "Mozilla/5.0 (X11; Linux x86_64"
#define ANDROID "Mozilla/5.0 (Linux; Android 10; K"
#define CHROME ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%c.0.0.0"
const struct demo_agent demo_agents[] = {
    {WINDOWS CHROME " Safari/537.36", 27, SYSTEM_WINDOWS},
    {MAC CHROME " Safari/537.36", 16, SYSTEM_MAC},
    {LINUX CHROME " Safari/537.36", 6, SYSTEM_LINUX},
    {WINDOWS CHROME " Safari/537.36 Edg/%c.0.0.0", 9, SYSTEM_WINDOWS},
    {WINDOWS CHROME " Safari/537.36 OPR/117.0.0.0", 0.9, SYSTEM_WINDOWS},
    {WINDOWS "; rv:%f.0) Gecko/20100101 Firefox/%f.0", 4.6, SYSTEM_WINDOWS},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:%f.0) Gecko/20100101 Firefox/%f.0", 1.8,
     SYSTEM_MAC},
    {LINUX "; rv:%f.0) Gecko/20100101 Firefox/%f.0", 4.2, SYSTEM_LINUX},
    {MAC ") AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%s Safari/605.1.15", 7.5, SYSTEM_MAC},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS %i like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "Version/%s Mobile/15E148 Safari/604.1",
     9.6, SYSTEM_PHONE},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS %i like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "CriOS/%c.0.6723.90 Mobile/15E148 Safari/604.1",
     1.4, SYSTEM_PHONE},
    {"Mozilla/5.0 (iPad; CPU OS %i like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/%s "
     "Mobile/15E148 Safari/604.1",
     1, SYSTEM_PHONE},
    {ANDROID CHROME " Mobile Safari/537.36", 8.8, SYSTEM_PHONE},
    {ANDROID ") AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile "
             "Safari/537.36",
     1.5, SYSTEM_PHONE},
    {"Mozilla/5.0 (Android 14; Mobile; rv:%f.0) Gecko/%f.0 Firefox/%f.0", 0.7, SYSTEM_PHONE},
};
const size_t demo_n_agents = ARRAY_LEN(demo_agents);

const struct demo_agent demo_clients[] = {
    {"curl/8.5.0", 22, SYSTEM_LINUX},
    {"curl/7.88.1", 11, SYSTEM_LINUX},
    {"Wget/1.21.4", 17, SYSTEM_LINUX},
    {"Debian APT-HTTP/1.3 (2.6.1)", 14, SYSTEM_LINUX},
    {"libdnf (Rocky Linux 9.4; generic; Linux.x86_64)", 9, SYSTEM_LINUX},
    {"Apache-Maven/3.9.6 (Java 17.0.10; Linux 6.5.0)", 9, SYSTEM_LINUX},
    {"python-requests/2.32.3", 7, SYSTEM_LINUX},
    {"Go-http-client/2.0", 6, SYSTEM_LINUX},
    {"aria2/1.37.0", 3, SYSTEM_LINUX},
    {"Java/17.0.10", 2, SYSTEM_LINUX},
};
const size_t demo_n_clients = ARRAY_LEN(demo_clients);

#define COMPATIBLE "Mozilla/5.0 (compatible; "
#define LIKE_GECKO "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
const struct demo_bot demo_bots[] = {
    /* agent, network, weight, growth, pages, pause */
    {COMPATIBLE "Googlebot/2.1; +http://www.google.com/bot.html)", "66.249.66", 26, 1.1, 3, 40},
    {COMPATIBLE "bingbot/2.0; +http://www.bing.com/bingbot.htm)", "40.77.167", 14, 1.1, 3, 45},
    {COMPATIBLE "YandexBot/3.0; +http://yandex.com/bots)", "5.255.253", 4, 0.9, 3, 60},
    {COMPATIBLE "Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "220.181.108", 3, 0.8,
     2, 60},
    {LIKE_GECKO "GPTBot/1.2; +https://openai.com/gptbot)", "20.171.207", 12, 5, 8, 4},
    {LIKE_GECKO "ChatGPT-User/1.0; +https://openai.com/bot)", "23.98.142", 6, 6, 1, 4},
    {LIKE_GECKO "ClaudeBot/1.0; +claudebot@anthropic.com)", "216.73.216", 10, 6, 8, 4},
    {LIKE_GECKO "PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)", "18.97.9", 3, 4, 3, 10},
    {"CCBot/2.0 (https://commoncrawl.org/faq/)", "18.97.14", 2, 1.2, 12, 6},
    {COMPATIBLE "Bytespider; spider-feedback@bytedance.com)", "110.249.201", 4, 1.5, 5, 6},
    {COMPATIBLE "AhrefsBot/7.0; +http://ahrefs.com/robot/)", "51.222.253", 8, 1, 5, 25},
    {COMPATIBLE "SemrushBot/7~bl; +http://www.semrush.com/bot.html)", "185.191.171", 6, 1, 5, 20},
    {"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "69.63.184", 2, 1,
     1, 10},
    {"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "54.172.14", 1.5, 1.2, 1, 10},
    {"Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)", "8.29.198", 1.5,
     1, 1, 10},
};
const size_t demo_n_bots = ARRAY_LEN(demo_bots);

const struct demo_bot demo_monitors[] = {
    {"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "216.144.250", 10, 1,
     1, 1},
    {"Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", "178.255.153", 6, 1, 1, 1},
    {COMPATIBLE "StatusCake)", "104.131.62", 2, 1, 1, 1},
};
const size_t demo_n_monitors = ARRAY_LEN(demo_monitors);

const struct demo_bot demo_scanners[] = {
    {"Mozilla/5.0 zgrab/0.x", "167.94.138", 4, 1, 3, 1},
    {COMPATIBLE "CensysInspect/1.1; +https://about.censys.io/)", "162.142.125", 3, 1, 2, 2},
    {"-", "45.148.10", 5, 1, 10, 1},
    {COMPATIBLE "Nmap Scripting Engine; https://nmap.org/book/nse.html)", "185.220.101", 1, 1, 8,
     1},
    {"Mozilla/5.0 (compatible; Nuclei - Open-source project (github.com/projectdiscovery/nuclei))",
     "89.248.165", 2, 1, 14, 1},
};
const size_t demo_n_scanners = ARRAY_LEN(demo_scanners);

const char *const demo_holes[] = {"/wp-login.php",
                                  "/.env",
                                  "/.git/config",
                                  "/xmlrpc.php",
                                  "/phpmyadmin/index.php",
                                  "/admin/",
                                  "/config.json",
                                  "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
                                  "/cgi-bin/luci/;stok=/locale",
                                  "/owa/auth/logon.aspx",
                                  "/wp-content/plugins/",
                                  "/actuator/health",
                                  "/solr/admin/info/system",
                                  "/.aws/credentials",
                                  "/backup.zip"};
const size_t demo_n_holes = ARRAY_LEN(demo_holes);

const struct demo_country demo_countries[] = {
    {"US", 33},  {"IN", 13},  {"DE", 6},   {"GB", 6},   {"CN", 5},   {"CA", 4},   {"FR", 3.6},
    {"BR", 3},   {"NL", 2.2}, {"AU", 2.2}, {"JP", 2.2}, {"SG", 1.6}, {"ES", 1.6}, {"PL", 1.6},
    {"IT", 1.6}, {"KR", 1.4}, {"SE", 1.2}, {"IL", 1.1}, {"RU", 1.1}, {"UA", 0.9}, {"CH", 0.9},
    {"MX", 0.9}, {"IE", 0.8}, {"TR", 0.8}, {"ID", 0.8}, {"VN", 0.8}, {"BE", 0.6}, {"DK", 0.6},
    {"AT", 0.6}, {"CZ", 0.6}, {"RO", 0.6}, {"FI", 0.5}, {"NO", 0.5}, {"AR", 0.5}, {"ZA", 0.5},
    {"PT", 0.5}, {"HK", 0.5}, {"TW", 0.5}, {"PK", 0.4}, {"NZ", 0.4}};
const size_t demo_n_countries = ARRAY_LEN(demo_countries);

const char *const demo_assets[] = {"/assets/site.css",  "/assets/app.js",
                                   "/assets/logo.svg",  "/assets/fonts/inter.woff2",
                                   "/assets/hero.webp", "/favicon.ico"};
const size_t demo_n_assets = ARRAY_LEN(demo_assets);
const char *const demo_lost[] = {"/docs/4.1/", "/careers.html",  "/downloads/latest",
                                 "/index.php", "/features.html", "/docs/developers-manual/",
                                 "/blog/feed"};
const size_t demo_n_lost = ARRAY_LEN(demo_lost);
const char *const demo_links[] = {
    "https://github.com/caskdata/cdap", "https://github.com/caskdata/coopr",
    "https://hub.docker.com/r/caskdata/cdap-sandbox", "https://www.youtube.com/caskdata",
    "https://groups.google.com/g/cdap-user"};
const size_t demo_n_links = ARRAY_LEN(demo_links);

const double demo_hours[24] = {0.62, 0.55, 0.50, 0.47, 0.48, 0.55, 0.68, 0.88,
                               1.15, 1.38, 1.50, 1.52, 1.42, 1.48, 1.52, 1.48,
                               1.38, 1.22, 1.05, 0.95, 0.90, 0.86, 0.78, 0.70};
const double demo_weekdays[7] = {1.15, 1.24, 1.24, 1.17, 0.98, 0.58, 0.64};
