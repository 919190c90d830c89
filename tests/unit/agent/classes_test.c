#include "support/unit.h"

#include "agent/agent.h"

#define WEBKIT " AppleWebKit/537.36 (KHTML, like Gecko) "
#define CHROME WEBKIT "Chrome/120.0.0.0 Safari/537.36"
#define CHROME_MOBILE WEBKIT "Chrome/120.0.0.0 Mobile Safari/537.36"

static int setup(void **state) {
    struct err err;
    return agent_table_open((struct agent_table **)state, &err);
}

static int teardown(void **state) {
    agent_table_free(*state);
    return 0;
}

static void check(struct agent_table *t, const char *const *agents, size_t n, const char *class) {
    for (size_t i = 0; i < n; i++) {
        const struct agent_info *info = agent_lookup(t, str_from(agents[i]));
        if (!str_is(info->device_class, class))
            fail_msg("%s is " STR_FMT " (OS " STR_FMT "), not %s", agents[i],
                     STR_ARG(info->device_class), STR_ARG(info->os), class);
    }
}

#define CHECK(agents, class) check(*state, agents, ARRAY_LEN(agents), class)

static void classes__of_desktops(void **state) {
    static const char *const agents[] = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64)" CHROME,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64)" CHROME " Edg/120.0.2210.61",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)",
        /* software for pens came with many editions of Windows */
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2; Tablet PC 2.0)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko",
        "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; Touch; rv:11.0) like Gecko",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.1 Safari/605.1.15",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)" CHROME,
        "Mozilla/5.0 (Macintosh; U; PPC Mac OS X; en) AppleWebKit/125.2 (KHTML, like Gecko) "
        "Safari/125.8",
        "Mozilla/5.0 (X11; Linux x86_64)" CHROME,
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)" CHROME,
        "Mozilla/5.0 (X11; FreeBSD amd64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (X11; OpenBSD amd64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
        "Mozilla/5.0 (compatible; Konqueror/4.5; Linux 2.6.35; X11) KHTML/4.5.2 (like Gecko)",
        "Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1 (Linux)",
    };
    CHECK(agents, "desktop");
}

static void classes__of_phones(void **state) {
    static const char *const agents[] = {
        "Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B Build/TP1A.220624.014)",
        "Dalvik/2.1.0 (Linux; U; Android 9; BESTBUY-T1 Build/PPR1)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) CriOS/120.0.6099.50 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) FxiOS/120.0 Mobile/15E148 Safari/605.1.15",
        "Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
        "like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Mobile/15E148 Instagram 279.0.0.18.112",
        "Mozilla/5.0 (Linux; Android 10; K)" CHROME_MOBILE,
        "Mozilla/5.0 (Linux; Android 14; Pixel 8)" CHROME_MOBILE,
        "Mozilla/5.0 (Linux; Android 13; SM-S908B)" CHROME_MOBILE,
        "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-G991B)" WEBKIT
        "SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
        "Mozilla/5.0 (Linux; U; Android 2.3.6; en-us; GT-S5570 Build/GINGERBREAD) "
        "AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1",
        "Mozilla/5.0 (Linux; Android 11; Redmi Note 9 Pro)" CHROME_MOBILE,
        "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10",
        "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
        "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950)" WEBKIT
        "Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063",
        "Mozilla/5.0 (compatible; MSIE 9.0; Windows Phone OS 7.5; Trident/5.0; IEMobile/9.0; "
        "NOKIA; "
        "Lumia 710)",
        "Mozilla/5.0 (BlackBerry; U; BlackBerry 9900; en) AppleWebKit/534.11+ (KHTML, like Gecko) "
        "Version/7.1.0.346 Mobile Safari/534.11+",
        "Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 "
        "Mobile Safari/537.10+",
        "Mozilla/5.0 (Mobile; LYF/F90M/LYF_F90M_000; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
        "Mozilla/5.0 (Mobile; rv:26.0) Gecko/26.0 Firefox/26.0",
        "Mozilla/5.0 (SymbianOS/9.4; Series60/5.0 Nokia5800d-1/60.0.003) AppleWebKit/533.4 (KHTML, "
        "like Gecko) NokiaBrowser/7.3.1.33 Mobile Safari/533.4",
        "Mozilla/5.0 (Linux; Tizen 2.3; SAMSUNG SM-Z130H) AppleWebKit/537.3 (KHTML, like Gecko) "
        "SamsungBrowser/1.0 Mobile Safari/537.3",
    };
    CHECK(agents, "mobile");
}

static void classes__of_tablets(void **state) {
    static const char *const agents[] = {
        "Dalvik/2.1.0 (Linux; U; Android 13; SM-T870 Build/TP1A.220624.014)",
        "Mozilla/5.0 (iPad; CPU OS 15_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/15.6 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPad; U; CPU OS 3_2 like Mac OS X; en-us) AppleWebKit/531.21.10 (KHTML, like "
        "Gecko) Version/4.0.4 Mobile/7B334b Safari/531.21.10",
        "Mozilla/5.0 (Linux; Android 8.1.0; SM-T580)" CHROME,
        "Mozilla/5.0 (Linux; Android 13; SM-X700)" CHROME,
        "Mozilla/5.0 (Linux; Android 7.0; Pixel C Build/NRD90M)" CHROME,
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 7 Build/MOB30X)" CHROME,
        "Mozilla/5.0 (Android 13; Tablet; rv:120.0) Gecko/120.0 Firefox/120.0",
        "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Silk/108.4.6 like Chrome/108.0.5359.220 Safari/537.36",
        "Mozilla/5.0 (Linux; U; Android 4.0.3; en-us; KFTT Build/IML74K) AppleWebKit/535.19 "
        "(KHTML, "
        "like Gecko) Silk/3.4 Safari/535.19 Silk-Accelerated=true",
        "Mozilla/5.0 (PlayBook; U; RIM Tablet OS 2.1.0; en-US) AppleWebKit/536.2+ (KHTML, like "
        "Gecko) Version/7.2.1.0 Safari/536.2+",
        "Mozilla/5.0 (hp-tablet; Linux; hpwOS/3.0.5; U; en-US) AppleWebKit/534.6 (KHTML, like "
        "Gecko) wOSBrowser/234.83 Safari/534.6 TouchPad/1.0",
        "Mozilla/5.0 (Linux; Android 10; AGS3-L09)" CHROME,
        "Mozilla/5.0 (Linux; Android 11; Lenovo TB-X606F)" CHROME,
        "Mozilla/5.0 (Linux; U; Android 3.0; en-us; Xoom Build/HRI39) AppleWebKit/534.13 (KHTML, "
        "like Gecko) Version/4.0 Safari/534.13",
    };
    CHECK(agents, "tablet");
}

static void classes__of_television_sets(void **state) {
    static const char *const agents[] = {
        "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0)" WEBKIT "SamsungBrowser/2.2 Chrome/76.0 TV "
        "Safari/537.36",
        "Mozilla/5.0 (Web0S; Linux/SmartTV)" WEBKIT
        "Chrome/79.0.3945.79 Safari/537.36 WebAppManager",
        "Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR3 Build/PTT1.190515.001)" CHROME,
        "Mozilla/5.0 (Linux; Android 11; Chromecast) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/90.0.4430.225 Safari/537.36 CrKey/1.56.500000 DeviceType/AndroidTV",
        "Mozilla/5.0 (X11; Linux armv7l)" WEBKIT "Chrome/90.0 Safari/537.36 CrKey/1.54.250320",
        "AppleTV11,1/11.1",
        "AppleCoreMedia/1.0.0.20K80 (Apple TV; U; CPU OS 16_1 like Mac OS X; en_us)",
        "Roku/DVP-12.0 (12.0.0.4182-88)",
        "Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7651; wv)" WEBKIT
        "Version/4.0 Chrome/100.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; U; Android 5.1; en-us; AFTS Build/LVY48F)" WEBKIT "Silk/76.3 "
        "Safari/537.36",
        "HbbTV/1.2.1 (;Panasonic;VIERA 2014;3.101;4101-0003 2000-0000;)",
        "Opera/9.80 (Linux armv7l; HbbTV/1.1.1 (; Sony; KDL32W650A; PKG3.211EUA; 2013;); ) "
        "Presto/2.12.362 Version/12.11",
        "Mozilla/5.0 (Linux; NetCast; U) AppleWebKit/537.31 (KHTML, like Gecko) Chrome/38.0 "
        "Safari/537.31 SmartTV/5.0",
        "Mozilla/5.0 (SmartHub; SMART-TV; U; Linux/SmartTV) AppleWebKit/531.2+ (KHTML, like Gecko) "
        "WebBrowser/1.0 SmartTV Safari/531.2+",
        "Mozilla/5.0 (Linux; Android 8.0.0; MIBOX3)" CHROME,
        "Kodi/20.2 (Linux; Android 11; SHIELD Android TV) Version/20.2-(20.2.0)",
    };
    CHECK(agents, "tv");
}

static void classes__of_consoles(void **state) {
    static const char *const agents[] = {
        "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/13.0 Safari/605.1.15",
        "Mozilla/5.0 (PlayStation 4 9.00) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Mozilla/5.0 (PLAYSTATION 3 4.81) AppleWebKit/531.22.8 (KHTML, like Gecko)",
        "Mozilla/5.0 (PlayStation Vita 3.61) AppleWebKit/537.73 (KHTML, like Gecko) Silk/3.2",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X)" CHROME
        " Edge/44.18363.8131",
        "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0; Xbox)",
        "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/606.4 (KHTML, like Gecko) "
        "NF/6.0.1.15.4 NintendoBrowser/5.1.0.20393",
        "Mozilla/5.0 (Nintendo WiiU) AppleWebKit/536.30 (KHTML, like Gecko) NX/3.0.4.2.12 "
        "NintendoBrowser/4.3.1.11264.US",
        "Mozilla/5.0 (Nintendo 3DS; U; ; en) Version/1.7630.EU",
        "Opera/9.30 (Nintendo Wii; U; ; 3642; en)",
    };
    CHECK(agents, "console");
}

static void classes__of_wearables(void **state) {
    static const char *const agents[] = {
        "atc/1.0 watchOS/5.1.3 model/Watch3,4 hwp/t8004 build/16S535 (6; dt:156)",
        "Podcasts/1.0 (Apple Watch; watchOS 9.1)",
        "server-bag [Watch OS,9.1,20S75,Watch6,1]",
        "Mozilla/5.0 (Linux; Android 11; SM-R890)" CHROME_MOBILE,
        "Mozilla/5.0 (Linux; Tizen 2.3.1; SM-R720) AppleWebKit/537.3 (KHTML, like Gecko) "
        "Version/2.3.1 Mobile Safari/537.3",
        "Mozilla/5.0 (Linux; Android 8.1.0; Wear OS by Google)" CHROME_MOBILE,
        "Mozilla/5.0 (Linux; Android 10; Quest 2) AppleWebKit/537.36 (KHTML, like Gecko) "
        "OculusBrowser/24.4.0 SamsungBrowser/4.0 Chrome/106.0 VR Safari/537.36",
    };
    CHECK(agents, "wearable");
}

static void classes__of_bots_and_of_what_is_unknown(void **state) {
    static const char *const bots[] = {
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P)" WEBKIT
        "Chrome/120.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
        "+http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 8_1 like Mac OS X) AppleWebKit/600.1.4 (KHTML, like "
        "Gecko) Version/8.0 Mobile/12B411 Safari/600.1.4 (compatible; YandexMobileBot/3.0; "
        "+http://yandex.com/bots)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    };
    static const char *const unknown[] = {"",
                                          "-",
                                          "curl/8.4.0",
                                          "Wget/1.21",
                                          "Java/17.0",
                                          "Go-http-client/2.0",
                                          "python-requests/2.31.0",
                                          "Mozilla/5.0",
                                          "\xff\xfe\n",
                                          "TVtest",
                                          "okhttp/4.9.3"};
    CHECK(bots, "bot");
    CHECK(unknown, "other");
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(classes__of_desktops, setup, teardown),
          cmocka_unit_test_setup_teardown(classes__of_phones, setup, teardown),
          cmocka_unit_test_setup_teardown(classes__of_tablets, setup, teardown),
          cmocka_unit_test_setup_teardown(classes__of_television_sets, setup, teardown),
          cmocka_unit_test_setup_teardown(classes__of_consoles, setup, teardown),
          cmocka_unit_test_setup_teardown(classes__of_wearables, setup, teardown),
          cmocka_unit_test_setup_teardown(classes__of_bots_and_of_what_is_unknown, setup, teardown))
