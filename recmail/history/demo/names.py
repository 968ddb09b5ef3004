"""The invented people of the demo: name lists by script, and where such people live. Data only.

A name is written `name:latin` where the address needs other letters than the name. First and last names
are drawn independently, so a full name is nobody's in particular; choose lists in which no pair is famous.
A place is `country/zone/hours from UTC/weight`, a language `code/weight`. The hours are written here and not
taken from the zone database, so that the demo is the same whichever edition of it a machine has.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culture:
    """One group of people: its share of all users, names, places and languages with their weights."""

    share: float
    first: str
    last: str
    places: str
    languages: str


CULTURES = {
    "devanagari": Culture(
        share=0.15,
        first="""
            मीरा:meera अर्जुन:arjun कविता:kavita रोहन:rohan सुनीता:sunita अनिल:anil प्रिया:priya
            विवेक:vivek आरती:aarti संदीप:sandeep नेहा:neha सुधीर:sudhir पूजा:pooja मनोज:manoj
            दीपा:deepa किरण:kiran सीमा:seema अमोल:amol वैशाली:vaishali गणेश:ganesh श्रद्धा:shraddha
            निखिल:nikhil ज्योति:jyoti हर्ष:harsh
        """,
        last="""
            शर्मा:sharma वर्मा:verma गुप्ता:gupta जोशी:joshi मिश्रा:mishra कुलकर्णी:kulkarni
            देशपांडे:deshpande यादव:yadav चौहान:chauhan तिवारी:tiwari पाटील:patil सक्सेना:saxena
            त्रिपाठी:tripathi ठाकुर:thakur रावत:rawat भट्ट:bhatt चतुर्वेदी:chaturvedi शिंदे:shinde
        """,
        places="IN/Asia/Kolkata/5.5/94 NP/Asia/Kathmandu/5.75/4 MU/Indian/Mauritius/4/2",
        languages="hi/0.82 mr/0.18",
    ),
    "tamil": Culture(
        share=0.08,
        first="""
            மீனா:meena கார்த்திக்:karthik லட்சுமி:lakshmi முருகன்:murugan கவிதா:kavitha
            செல்வம்:selvam அன்பு:anbu தமிழ்செல்வி:tamilselvi வேலு:velu பூங்கோதை:poongothai
            இளங்கோ:ilango நிலா:nila குமரன்:kumaran யாழினி:yazhini தினேஷ்:dinesh மலர்:malar
            சரவணன்:saravanan தேன்மொழி:thenmozhi
        """,
        last="""
            சுந்தரம்:sundaram ராமன்:raman பாண்டியன்:pandian நடராஜன்:natarajan
            சுப்பிரமணியன்:subramanian கிருஷ்ணன்:krishnan வேலாயுதம்:velayutham ஆறுமுகம்:arumugam
            கணேசன்:ganesan சிவராமன்:sivaraman மாரிமுத்து:marimuthu தங்கவேல்:thangavel
        """,
        places="""
            IN/Asia/Kolkata/5.5/86 LK/Asia/Colombo/5.5/6 SG/Asia/Singapore/8/5
            MY/Asia/Kuala_Lumpur/8/3
        """,
        languages="ta/1",
    ),
    "india_latin": Culture(
        share=0.22,
        first="""
            Ananya Rakesh Divya Sachit Shreya Vishal Malini Arvind Pallavi Sameer Tanvi Hariprasad
            Lavanya Imran Sneha Joseph Ritu Balaji Anjana Farhan Keerthi Sudhir Nisha Gurpreet
            Madhuri Pranav Swati Tariq Bhavana Anirban Rukmini Naveen Ishita Mathew Zoya Chandan
            Leela Kavin Sharmila Debashish Asha Vinay
        """,
        last="""
            Rao Nair Iyer Reddy Menon Shetty Das Banerjee Kamath Ansari Pillai Hegde Bhat Singh
            D'Souza Kulkarni Mukherjee Gowda Fernandes Ahmed Varghese Naidu Bose Chatterjee Acharya
            Kaur Desai Mehta Patel Thomas Murthy Prabhu Sen Qureshi Rangan Sastry
        """,
        places="""
            IN/Asia/Kolkata/5.5/96 AE/Asia/Dubai/4/2 SG/Asia/Singapore/8/1
            US/America/Los_Angeles/-8/1
        """,
        languages="en-IN/0.5 kn/0.16 te/0.12 bn/0.1 ml/0.07 gu/0.05",
    ),
    "french": Culture(
        share=0.04,
        first="""
            Chloé:chloe Étienne:etienne Zoé:zoe François:francois Aurélie:aurelie Jérôme:jerome
            Noémie:noemie Loïc:loic Hélène:helene Gaël:gael Inès:ines Benoît:benoit Maëlle:maelle
            Cédric:cedric
        """,
        last="""
            Lefèvre:lefevre Müller:mueller Gauthier Bélanger:belanger Marchand Besançon:besancon
            Roux Côté:cote Lacroix Prévost:prevost Fontaine Noël:noel
        """,
        places="""
            FR/Europe/Paris/1/62 CA/America/Toronto/-5/14 BE/Europe/Brussels/1/10
            CH/Europe/Zurich/1/8 SN/Africa/Dakar/0/4 PF/Pacific/Tahiti/-10/2
        """,
        languages="fr/1",
    ),
    "german": Culture(
        share=0.04,
        first="""
            Jürgen:juergen Käthe:kaethe Björn:bjoern Anneliese Götz:goetz Sören:soeren Wiebke Lukas
            Mareike Thorsten Änne:aenne Friederike Jörg:joerg Lotte
        """,
        last="""
            Weiß:weiss Krüger:krueger Möller:moeller Köhler:koehler Vogt Böhm:boehm Groß:gross
            Hübner:huebner Brandt Jäger:jaeger Lindner Strauß:strauss
        """,
        places="DE/Europe/Berlin/1/70 AT/Europe/Vienna/1/18 CH/Europe/Zurich/1/12",
        languages="de/1",
    ),
    "spanish": Culture(
        share=0.04,
        first="""
            José:jose Lucía:lucia Martín:martin Sofía:sofia Íñigo:inigo Begoña:begona Andrés:andres
            Belén:belen Joaquín:joaquin Inés:ines Ramón:ramon Mónica:monica
        """,
        last="""
            Muñoz:munoz Peña:pena Gutiérrez:gutierrez Zúñiga:zuniga Núñez:nunez Castaño:castano
            Ríos:rios Domínguez:dominguez Ordóñez:ordonez Vásquez:vasquez
        """,
        places="""
            ES/Europe/Madrid/1/40 MX/America/Mexico_City/-6/22
            AR/America/Argentina/Buenos_Aires/-3/14 CO/America/Bogota/-5/12 PE/America/Lima/-5/7
            CL/America/Santiago/-4/5
        """,
        languages="es/1",
    ),
    "portuguese": Culture(
        share=0.03,
        first="""
            João:joao Conceição:conceicao Inês:ines Antônio:antonio Luíza:luiza Tomás:tomas Beatriz
            Mário:mario Débora:debora Estêvão:estevao
        """,
        last="""
            Leitão:leitao Simões:simoes Magalhães:magalhaes Gonçalves:goncalves Brandão:brandao
            Falcão:falcao Assunção:assuncao Queirós:queiros
        """,
        places="""
            BR/America/Sao_Paulo/-3/58 PT/Europe/Lisbon/0/32 AO/Africa/Luanda/1/5
            PT/Atlantic/Azores/-1/5
        """,
        languages="pt/1",
    ),
    "central_europe": Culture(
        share=0.03,
        first="""
            Łukasz:lukasz Jiří:jiri Żaneta:zaneta Božena:bozena Zoltán:zoltan Ştefan:stefan
            Małgorzata:malgorzata Ondřej:ondrej Réka:reka İpek:ipek Gökçe:gokce Živa:ziva
            Šárka:sarka Çağla:cagla
        """,
        last="""
            Wójcik:wojcik Dvořák:dvorak Świątek:swiatek Nagy Černý:cerny Yıldız:yildiz Şahin:sahin
            Szűcs:szucs Zając:zajac Öztürk:ozturk Žižka:zizka Łęcki:lecki
        """,
        places="""
            PL/Europe/Warsaw/1/34 CZ/Europe/Prague/1/22 HU/Europe/Budapest/1/16
            TR/Europe/Istanbul/3/20 RO/Europe/Bucharest/2/8
        """,
        languages="pl/0.35 cs/0.25 hu/0.15 tr/0.25",
    ),
    "nordic": Culture(
        share=0.02,
        first="""
            Þórdís:thordis Åsa:asa Søren:soren Bjørg:bjorg Väinö:vaino Ægir:aegir Märta:marta
            Øystein:oystein Aino Håkan:hakan
        """,
        last="""
            Blöndal:blondal Ångström:angstrom Kjærgaard:kjaergaard Mäkelä:makela
            Sjöberg:sjoberg Bråten:braten Nyström:nystrom Østby:ostby
        """,
        places="""
            SE/Europe/Stockholm/1/34 NO/Europe/Oslo/1/22 DK/Europe/Copenhagen/1/20
            FI/Europe/Helsinki/2/16 IS/Atlantic/Reykjavik/0/8
        """,
        languages="sv/0.4 nb/0.2 da/0.2 fi/0.12 is/0.08",
    ),
    "english": Culture(
        share=0.09,
        first="""
            Grace Oliver Amara Liam Charlotte Kofi Hannah Declan Ruby Samuel Wanjiru Harriet Mason
            Aroha Chidi Sian Isla Thabo Naomi Callum
        """,
        last="""
            Walker Okafor Bennett Fletcher O'Connor Mwangi Hughes Adeyemi Clarke Ngata Whitaker
            Mensah Sullivan Dlamini Parker Achieng Holloway Reid
        """,
        places="""
            US/America/New_York/-5/24 US/America/Chicago/-6/10 US/America/Los_Angeles/-8/12
            US/Pacific/Honolulu/-10/1 GB/Europe/London/0/18 IE/Europe/Dublin/0/4
            CA/America/Toronto/-5/6 CA/America/St_Johns/-3.5/1 AU/Australia/Sydney/10/6
            AU/Australia/Adelaide/9.5/2 NZ/Pacific/Auckland/12/3 NZ/Pacific/Chatham/12.75/0.5
            NG/Africa/Lagos/1/5 KE/Africa/Nairobi/3/4 ZA/Africa/Johannesburg/2/3
            KI/Pacific/Kiritimati/14/0.2 AS/Pacific/Pago_Pago/-11/0.3
        """,
        languages="en/0.6 en-GB/0.4",
    ),
    "arabic": Culture(
        share=0.06,
        first="""
            ليلى:layla أحمد:ahmad فاطمة:fatima يوسف:yousef مريم:maryam خالد:khaled نور:nour وائل:wael
            سلمى:salma حسن:hassan هدى:huda طارق:tareq رانيا:rania سامي:sami
        """,
        last="""
            الخطيب:alkhatib حداد:haddad النجار:alnajjar صباغ:sabbagh الشريف:alsharif درويش:darwish
            بركات:barakat الرفاعي:alrifai قاسم:qasim زيدان:zaydan
        """,
        places="""
            EG/Africa/Cairo/2/32 AE/Asia/Dubai/4/22 SA/Asia/Riyadh/3/18 MA/Africa/Casablanca/1/12
            JO/Asia/Amman/3/10 IQ/Asia/Baghdad/3/6
        """,
        languages="ar/1",
    ),
    "hebrew": Culture(
        share=0.02,
        first="""
            נועה:noa איתן:eitan תמר:tamar יונתן:yonatan שירה:shira אורי:uri מיכל:michal עידו:ido
        """,
        last="""
            לוי:levi פרידמן:friedman ביטון:biton שפירא:shapira מזרחי:mizrahi אלון:alon גולן:golan
        """,
        places="IL/Asia/Jerusalem/2/100",
        languages="he/1",
    ),
    "chinese": Culture(
        share=0.05,
        first="""
            秀英:xiuying 明:ming 静怡:jingyi 志强:zhiqiang 丽:li 子涵:zihan 雨桐:yutong 建华:jianhua
            美玲:meiling 浩然:haoran 雅婷:yating 俊宏:junhong
        """,
        last="""
            王:wang 李:li 张:zhang 刘:liu 陳:chen 杨:yang 黃:huang 赵:zhao 吴:wu 周:zhou 林:lin
            歐陽:ouyang
        """,
        places="""
            CN/Asia/Shanghai/8/64 TW/Asia/Taipei/8/18 HK/Asia/Hong_Kong/8/10 SG/Asia/Singapore/8/8
        """,
        languages="zh-Hans/0.7 zh-Hant/0.3",
    ),
    "japanese": Culture(
        share=0.03,
        first="""
            さくら:sakura 健太:kenta 美咲:misaki 翔:sho ひなた:hinata 拓也:takuya 陽子:yoko
            和樹:kazuki ユリ:yuri 悠:yu
        """,
        last="""
            佐藤:sato 鈴木:suzuki 高橋:takahashi 田中:tanaka 渡辺:watanabe 小林:kobayashi
            山本:yamamoto 松本:matsumoto
        """,
        places="JP/Asia/Tokyo/9/100",
        languages="ja/1",
    ),
    "korean": Culture(
        share=0.03,
        first="""
            민준:minjun 서연:seoyeon 성호:seongho 하은:haeun 도윤:doyun 다인:dain 예진:yejin
            재혁:jaehyuk 가영:gayoung
        """,
        last="김:kim 이:lee 박:park 최:choi 정:jung 강:kang 조:cho 윤:yoon 남궁:namgung",
        places="KR/Asia/Seoul/9/100",
        languages="ko/1",
    ),
    "cyrillic": Culture(
        share=0.04,
        first="""
            Ольга:olga Дмитро:dmytro Светлана:svetlana Андрей:andrey Оксана:oksana Николай:nikolay
            Іванна:ivanna Георги:georgi Наталья:natalya Тарас:taras Елена:elena Ђорђе:djordje
        """,
        last="""
            Коваленко:kovalenko Мельник:melnik Петренко:petrenko Ткачук:tkachuk Шевчук:shevchuk
            Белых:belykh Черных:chernykh Бондар:bondar Јовановић:jovanovic Лебедь:lebed
        """,
        places="""
            UA/Europe/Kyiv/2/36 KZ/Asia/Almaty/5/18 BG/Europe/Sofia/2/16 RS/Europe/Belgrade/1/12
            RU/Europe/Moscow/3/12 RU/Asia/Vladivostok/10/6
        """,
        languages="uk/0.4 ru/0.4 bg/0.12 sr/0.08",
    ),
    "vietnamese": Culture(
        share=0.03,
        first="""
            Thảo:thao Dũng:dung Hằng:hang Quốc:quoc Ngọc:ngoc Tuấn:tuan Phượng:phuong Đức:duc
            Yến:yen Khánh:khanh
        """,
        last="Nguyễn:nguyen Trần:tran Lê:le Phạm:pham Huỳnh:huynh Võ:vo Đặng:dang Bùi:bui Đỗ:do",
        places="VN/Asia/Ho_Chi_Minh/7/100",
        languages="vi/1",
    ),
}

# What people write when a form lets them type their time zone.
MISSPELT_ZONES = (
    "Asia/Calcuta",
    "asia kolkata",
    "Europe/Berln",
    "America/New York",
    "GMT+5:30 (India)",
    "Asia/Banglore",
)
CONSENT_SOURCES = ("sign-up form", "checkout", "newsletter page", "webinar registration")
OPT_OUT_SOURCES = ("unsubscribe link", "account settings", "wrote to support")
