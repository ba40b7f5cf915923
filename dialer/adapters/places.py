"""Beginnings of the names of regions and cities, by time zone, in Russian and English.

A line without a colon goes on with the one before; `$` ends a name, `_` joins two words of one. Places that
keep Moscow's time stand here too: that is an answer.
"""

PLACES = """
Europe/Kaliningrad: калининград kaliningrad советск черняховск балтийск
Europe/Moscow: моск москв moscow moskva мск петербург спб петрогр petersburg ленинградск leningrad белгород
belgorod брянск bryansk владимирск владимир$ vladimir воронеж voronezh вологд vologda череповец иванов
ivanovo калуг калуж kaluga костром kostroma курск kursk липецк lipetsk орлов орёл$ орел$ oryol рязан ryazan
смоленск smolensk тамбов tambov твер tver тул$ тула тульск tula ярослав yaroslavl рыбинск архангел
arkhangelsk северодвинск карел karelia петрозаводск коми$ коми сыктывкар ухта воркута мурман murmansk ненецк
нарьян новгород novgorod псков pskov адыге майкоп дагестан dagestan махачкал дербент каспийск хасавюрт ингуш
назран магас кабард балкар нальчик калмык элиста карача черкес осет владикавказ чечен чечн грозн краснодар
krasnodar кубан сочи sochi новороссийск анап геленджик армавир ставрополь stavropol пятигорск кисловодск
ессентук минеральн ростов rostov таганрог шахты новочеркасск волгодонск волгоград volgograd волжск нижегород
нижн_новгород дзержинск арзамас саров киров kirov вятк марий йошкар мордов саранск чуваш чебоксар cheboksary
татар казан kazan набережн_челны нижнекамск альметьевск пенз penza крым crimea симферопол ялт керч феодоси
евпатор севастополь sevastopol донецк луганск днр лнр запорож херсон мариуполь мелитополь обнинск тверь
подольск мытищ химк балашиха люберц королёв$ королев$ одинцов серпухов коломн электростал зеленоград
сергиев_посад старый_оскол старооскол губкин новомосковск елец
Europe/Samara: самар samara тольятти togliatti tolyatti сызран новокуйбышевск удмурт udmurt ижевск izhevsk
воткинск сарапул глазов
Europe/Saratov: саратов saratov энгельс$ балаков балашов$
Europe/Ulyanovsk: ульянов ulyanovsk димитровград
Europe/Astrakhan: астрахан astrakhan ахтубинск
Asia/Yekaterinburg: свердлов екатеринбург yekaterinburg ekaterinburg тагил каменск_уральск первоуральск
серов$ башк уф$ уфа ufa bashk стерлитамак салават нефтекамск октябрьск$ курган kurgan шадринск оренбург
orenburg орск$ бузулук перм perm березники соликамск челябинск chelyabinsk магнитогорск златоуст миасс
копейск тюмен tyumen тобольск ишим ханты сургут surgut нижневартовск нефтеюганск югра хмао ямал янао
салехард уренгой ноябрьск урал уральск$
Asia/Omsk: омск omsk
Asia/Novosibirsk: новосибир novosibirsk бердск искитим академгородок
Asia/Tomsk: томск tomsk северск$ стрежев
Asia/Barnaul: алтай$ алтайск алта barnaul барнаул бийск рубцовск горно_алтайск altai
Asia/Novokuznetsk: кемеров kemerovo кузбас новокузнецк прокопьевск междуреченск ленинск_кузнецк киселёвск
киселевск
Asia/Krasnoyarsk: красноярск krasnoyarsk норильск norilsk ачинск канск$ минусинск хакас абакан саяногорск
тыв$ тыва кызыл tuva khakas
Asia/Irkutsk: иркутск irkutsk ангарск братск$ усть_илимск усолье бурят buryat улан_удэ северобайкальск
Asia/Chita: забайкал чит$ чита chita краснокаменск
Asia/Yakutsk: якутск yakutsk амурск_обл амурская благовещенск blagoveshchensk белогорск тында нерюнгри
мирный
Asia/Vladivostok: приморск приморь владивосток vladivostok уссурийск находк артём$ артем$ хабаровск
khabarovsk комсомольск_на_амуре еврейск биробиджан primor
Asia/Magadan: магадан magadan
Asia/Sakhalin: сахалин sakhalin южно_сахалинск холмск оха$ курил
Asia/Kamchatka: камчат kamchatka петропавловск_камчат
Asia/Anadyr: чукот анадыр chukot anadyr
Asia/Almaty: казахстан kazakhstan қазақстан алмат almaty астан astana нур_султан nur_sultan шымкент shymkent
караганд qaraghandy karaganda актоб aktobe актюб тараз taraz павлодар pavlodar усть_каменогорск oskemen
семей$ semey атырау atyrau кокшетау костанай kostanay кызылорд kyzylorda актау$ aktau петропавловск$
талдыкорган туркестан экибастуз жезказган темиртау рудный$ жамбыл мангист акмол абай$ жетісу жетысу улытау
Asia/Yakutsk Asia/Vladivostok Asia/Srednekolymsk: якут
Asia/Yakutsk Asia/Vladivostok Asia/Srednekolymsk: саха
"""
